"""What predicted masks score: every definition of a patient, and the rows of a method in the table of results."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from mgi.cohort.split import TEST, slice_roles
from mgi.core.run import Run
from mgi.evaluation.cohort_tables import summary_rows
from mgi.evaluation.intervals import bootstrap_ratio
from mgi.tasks.segmentation.prediction_file import read_patients, read_volumes
from mgi.tasks.segmentation.scores import COUNTS, DICE_DEFINITIONS, OTHER_SCORES, POOLED, score_patient, score_slices
from mgi.tasks.segmentation.true_masks import read_masks

definitions = (*DICE_DEFINITIONS, *OTHER_SCORES, *COUNTS)
headlines = DICE_DEFINITIONS


def score(predictions: Path, image_shard: Path, run: Run) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    """The scores of each volume; where the split is by slice, of the slices that training did not see."""
    truth = read_masks(image_shard, read_patients(predictions))
    for volume in read_volumes(predictions, {patient: len(mask) for patient, mask in truth.items()}):
        patient, mask = volume.patient_id, truth[volume.patient_id]
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
