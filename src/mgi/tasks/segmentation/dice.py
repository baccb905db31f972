"""Dice overlap in every definition that papers use, each under its own name.

Arrays are volumes of shape (slices, rows, cols). The rule for empty against empty differs between libraries, so it is
spelled out here and never taken from one.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

PAPER_THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9)
PAPER_EPSILON = 1e-4

Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class SliceCounts:
    """Pixels per slice: in both masks, in the prediction, in the truth."""

    overlap: NDArray[np.int64]
    predicted: NDArray[np.int64]
    truth: NDArray[np.int64]


def at_least(probability: Bytes, threshold: float) -> Mask:
    """The mask of pixels whose stored probability, floor(256 p), reaches the threshold: for .5 a byte of 128."""
    return probability >= math.ceil(256 * threshold)


def count_slices(prediction: Mask, truth: Mask) -> SliceCounts:
    """Count pixels slice by slice; everything below except components and surfaces follows from these counts."""
    plane = (1, 2)
    return SliceCounts(
        overlap=np.count_nonzero(prediction & truth, axis=plane),
        predicted=np.count_nonzero(prediction, axis=plane),
        truth=np.count_nonzero(truth, axis=plane),
    )


def dice(prediction: Mask, truth: Mask) -> float:
    """2 |P and T| / (|P| + |T|) over all pixels of both masks; nan where both are empty."""
    total = int(np.count_nonzero(prediction)) + int(np.count_nonzero(truth))
    return 2 * int(np.count_nonzero(prediction & truth)) / total if total else math.nan


def largest_component(prediction: Mask) -> Mask:
    """Keep the largest body of touching voxels (corners count as touching); an empty mask stays empty.

    Buda's published Dice does this to the prediction only, per volume.
    """
    labels, found = ndimage.label(prediction, structure=np.ones((3, 3, 3), dtype=bool))
    if found == 0:
        return prediction
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept: Mask = labels == int(np.argmax(sizes))
    return kept


def slice_positive(counts: SliceCounts) -> float:
    """Mean slice Dice over slices with tumour; nan where there is none."""
    return _mean(_per_slice(counts)[counts.truth > 0])


def slice_all_empty_one(counts: SliceCounts) -> float:
    """Mean slice Dice over all slices, where empty against empty counts 1: the lenient score."""
    values = _per_slice(counts)
    return _mean(np.where(np.isnan(values), 1.0, values))


def slice_all_empty_skipped(counts: SliceCounts) -> float:
    """Mean slice Dice without slices empty in both; a false positive on an empty slice counts 0."""
    values = _per_slice(counts)
    return _mean(values[~np.isnan(values)])


def slice_five_thresholds(probability: Bytes, truth: Mask) -> float:
    """Mean over slices and five thresholds of (2 I + eps) / (P + T + eps), so empty against empty gives 1.

    The paper's likely score; source: `dice_coeff` and `eval_seg` of SuperMedIntel/Medical-SAM-Adapter.
    """
    values = []
    for threshold in PAPER_THRESHOLDS:
        counts = count_slices(at_least(probability, threshold), truth)
        total = counts.predicted + counts.truth
        values.append(np.mean((2 * counts.overlap + PAPER_EPSILON) / (total + PAPER_EPSILON)))
    return float(np.mean(values))


def lesion_slice_sensitivity(counts: SliceCounts) -> float:
    """Share of slices with tumour on which anything is predicted; nan where no slice has tumour."""
    return _mean((counts.predicted > 0)[counts.truth > 0])


def empty_slice_specificity(counts: SliceCounts) -> float:
    """Share of slices without tumour on which nothing is predicted; nan where every slice has tumour."""
    return _mean((counts.predicted == 0)[counts.truth == 0])


def volume_error(counts: SliceCounts) -> float:
    """Predicted volume minus true volume, as a share of the true one; -1 where nothing was predicted."""
    truth = int(counts.truth.sum())
    return (int(counts.predicted.sum()) - truth) / truth if truth else math.nan


def _per_slice(counts: SliceCounts) -> NDArray[np.float64]:
    total = (counts.predicted + counts.truth).astype(np.float64)
    total[total == 0] = np.nan
    return 2 * counts.overlap / total


def _mean(values: NDArray[np.floating] | Mask) -> float:
    return float(np.mean(values)) if values.size else math.nan
