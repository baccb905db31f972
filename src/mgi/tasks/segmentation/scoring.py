"""What predicted masks score: every definition of a patient, and the rows of a method in the table of results."""

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from mgi.cohort.split import TEST, slice_roles
from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.evaluation.cohort_tables import summary_rows
from mgi.evaluation.intervals import bootstrap_ratio
from mgi.shards.image_shard import OpenImages, PatientImages, iter_images
from mgi.tasks.segmentation import dice
from mgi.tasks.segmentation.dice import Bytes, Mask
from mgi.tasks.segmentation.prediction_file import read_patients, read_volumes
from mgi.tasks.segmentation.settings import DiceDefinition
from mgi.tasks.segmentation.surfaces import hd95_px, nsd_px

HEADLINE = "volume"
THRESHOLD = 0.5
TOLERANCE_PX = 2.0
MOST_KEPT = 256 << 20  # bytes of masks: 110 patients of 35 slices of 256 pixels

DICE_DEFINITIONS = get_args(DiceDefinition)
OTHER_SCORES = ("hd95_px", "nsd_2px", "lesion_slice_sensitivity", "empty_slice_specificity", "volume_error")
POOLED = "pooled"
COUNTS = ("overlap_voxels", "predicted_voxels", "true_voxels", "slices", "tumour_slices")
"""Counts, not scores: the pooled Dice of a cohort is made from the first three."""
definitions = (*DICE_DEFINITIONS, *OTHER_SCORES, *COUNTS)
headlines = DICE_DEFINITIONS


def score(predictions: Path, image_shard: Path, run: Run) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    """The scores of each volume; where the split is by slice, of the slices that training did not see."""
    patients = read_patients(predictions)
    images = OpenImages(image_shard)
    images.require(patients)
    truth = TrueMasks(images, image_shard)
    for volume in read_volumes(predictions, {patient: images.n_slices(patient) for patient in patients}):
        patient, mask = volume.patient_id, truth.of(volume.patient_id)
        if run.leaks:
            tested = slice_roles(patient, len(mask), run.fold) == TEST
            scores = score_slices(volume.probability[tested], mask[tested])
        else:
            scores = score_patient(volume.probability, mask, patient)
        yield patient, volume.expression_input, scores


def summarise(patients: pd.DataFrame, draws: int, seed: int) -> list[dict[str, object]]:
    """A row per definition; `below_half` and `zero` count patients, for Dice definitions only.

    The pooled row is a ratio over the whole cohort, so it has an interval but no median.
    """
    of_dice = summary_rows(patients, DICE_DEFINITIONS, draws, seed)
    for row in of_dice:
        values = patients[str(row["definition"])].astype("float64")
        row |= {"below_half": int((values < 0.5).sum()), "zero": int((values == 0).sum())}
    return [*of_dice, _pooled(patients, draws, seed), *summary_rows(patients, OTHER_SCORES, draws, seed)]


def _pooled(patients: pd.DataFrame, draws: int, seed: int) -> dict[str, object]:
    total = patients["predicted_voxels"] + patients["true_voxels"]
    interval = bootstrap_ratio(2 * patients["overlap_voxels"], total, draws, seed)
    return {"definition": POOLED, **interval._asdict(), **dict.fromkeys(("q1", "median", "q3"), math.nan)}


class TrueMasks:
    """True masks (slices, rows, cols) of an open shard; some are kept, because every expression input asks for them."""

    def __init__(self, images: OpenImages, shard: Path, most: int = MOST_KEPT) -> None:
        self._images, self._shard, self._left = images, shard, most
        self._kept: dict[str, Mask] = {}

    def of(self, patient: str) -> Mask:
        """The mask of one patient. Raises BadInputError where there is none."""
        if patient in self._kept:
            return self._kept[patient]
        mask = true_mask(self._images.read(patient), self._shard)
        if mask.nbytes <= self._left:  # the first ones stay: all are asked for in turn, again and again
            self._left -= mask.nbytes
            self._kept[patient] = mask
        return mask


def iter_masks(shard: Path, patients: Collection[str]) -> Iterator[tuple[str, Mask]]:
    """True masks (slices, rows, cols) of the given patients, one in memory at a time.

    Raises BadInputError where a patient is absent or has no mask.
    """
    for patient in iter_images(shard, patients):
        yield patient.patient_id, true_mask(patient, shard)


def true_mask(patient: PatientImages, shard: Path) -> Mask:
    """The mask of a patient of the shard. Raises BadInputError where there is none."""
    if patient.masks is None:
        raise BadInputError(f"{shard}: patient {patient.patient_id} has no mask, expected one to score against")
    return patient.masks > 0


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
