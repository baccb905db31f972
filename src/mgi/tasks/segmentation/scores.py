"""All scores of one patient: what each is called, and which of them are Dice."""

import math
from typing import get_args

import numpy as np

from mgi.core.errors import BadInputError
from mgi.tasks.segmentation import dice
from mgi.tasks.segmentation.dice import Bytes, Mask
from mgi.tasks.segmentation.settings import DiceDefinition
from mgi.tasks.segmentation.surfaces import hd95_px, nsd_px

HEADLINE = "volume"
THRESHOLD = 0.5
TOLERANCE_PX = 2.0

DICE_DEFINITIONS = get_args(DiceDefinition)
OTHER_SCORES = ("hd95_px", "nsd_2px", "lesion_slice_sensitivity", "empty_slice_specificity", "volume_error")
POOLED = "pooled"
COUNTS = ("overlap_voxels", "predicted_voxels", "true_voxels", "slices", "tumour_slices")
"""Counts, not scores: the pooled Dice of a cohort is made from the first three."""


def score_patient(probability: Bytes, truth: Mask, patient_id: str) -> dict[str, float]:
    """Every score and count of one patient's volume, by definition name.

    `probability` holds floor(256 p) on the slice grid of `truth`, shape (slices, rows, cols). Raises BadInputError
    where the grids differ or the truth is empty: Dice over a volume has no meaning then.
    """
    if probability.shape != truth.shape:
        raise BadInputError(
            f"patient {patient_id}: predictions of shape {probability.shape}, expected the images' {truth.shape}"
        )
    if not truth.any():
        raise BadInputError(f"patient {patient_id}: the true mask is empty, expected tumour on at least one slice")
    prediction = dice.at_least(probability, THRESHOLD)
    counts = dice.count_slices(prediction, truth)
    return {
        "volume": dice.dice(prediction, truth),
        "volume_largest_component": dice.dice(dice.largest_component(prediction), truth),
        **score_slices(probability, truth),
        "hd95_px": hd95_px(prediction, truth),
        "nsd_2px": nsd_px(prediction, truth, TOLERANCE_PX),
        "lesion_slice_sensitivity": dice.lesion_slice_sensitivity(counts),
        "empty_slice_specificity": dice.empty_slice_specificity(counts),
        "volume_error": dice.volume_error(counts),
    }


def score_slices(probability: Bytes, truth: Mask) -> dict[str, float]:
    """The scores and counts that have a meaning for any set of slices, also one without tumour or without a slice."""
    counts = dice.count_slices(dice.at_least(probability, THRESHOLD), truth)
    return {
        "slice_positive": dice.slice_positive(counts),
        "slice_all_empty_one": dice.slice_all_empty_one(counts),
        "slice_all_empty_skipped": dice.slice_all_empty_skipped(counts),
        "slice_five_thresholds": dice.slice_five_thresholds(probability, truth) if len(truth) else math.nan,
        "overlap_voxels": float(counts.overlap.sum()),
        "predicted_voxels": float(counts.predicted.sum()),
        "true_voxels": float(counts.truth.sum()),
        "slices": float(truth.shape[0]),
        "tumour_slices": float(np.count_nonzero(counts.truth)),
    }
