"""Scores of predicted classes against the labels: those of a cohort, made of each patient's probabilities and class."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mgi.core.run import Run
from mgi.evaluation.classification import auc, balanced_accuracy, brier_of, calibration_error
from mgi.evaluation.cohort_scores import Statistic, mean_of, summary_of_cohort
from mgi.evaluation.follow_up import Floats
from mgi.tasks.classification.prediction_file import PREDICTIONS
from mgi.tasks.patient_labels import LabelledPatients, classes_of
from mgi.tasks.patient_predictions import read_patients

LOG = logging.getLogger(__name__)
PROBABILITY, UNCALIBRATED, TRUTH, CIRCULAR = "probability", "uncalibrated", "class", "circular"
"""Each patient's values: `probability: G3` and so on, 1 in the class that is the patient's, 0 in the others. A run
whose inputs tell the label by themselves has a 1 under `circular: ` and the reason."""
definitions = ("auc", "balanced_accuracy", "brier", "brier_uncalibrated", "ece", "ece_uncalibrated")
headlines = ("auc", "balanced_accuracy")


def score(predictions: Path, run: Run, labels: LabelledPatients) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    """Probabilities and class of each patient whose class is known."""
    rows, head = read_patients(predictions, PREDICTIONS)
    known = classes_of(labels.labels, run.target, labels.where)
    labels.require_scored({row["patient_id"] for row in rows}, known)
    for row in rows:
        if (patient := row["patient_id"]) not in known:
            continue
        values: dict[str, float] = {}
        for kind in (PROBABILITY, UNCALIBRATED):
            values |= {column(kind, name): value for name, value in zip(head["classes"], row[kind], strict=True)}
        names = sorted({*head["classes"], known[patient]})
        truth = {column(TRUTH, name): float(name == known[patient]) for name in names}
        mark = {column(CIRCULAR, head["circular"]): 1.0} if head["circular"] else {}
        yield patient, row["expression_input"], values | truth | mark


def column(kind: str, name: str) -> str:
    """The definition under which a value of a class is kept."""
    return f"{kind}: {name}"


def reason_in(rows: pd.DataFrame) -> str | None:
    """Why the inputs of the runs that made these rows tell the label by themselves; None where they do not."""
    marked = [name for name in rows.columns if name.startswith(column(CIRCULAR, "")) and rows[name].notna().any()]
    return marked[0].partition(": ")[2] if marked else None


def classes_in(rows: pd.DataFrame) -> list[str]:
    """The classes that a table of patients knows; first those that are predicted."""
    predicted, true = (
        [name.partition(": ")[2] for name in rows.columns if name.startswith(f"{kind}: ")]
        for kind in (PROBABILITY, TRUTH)
    )
    return [*predicted, *(name for name in true if name not in predicted)]


def arrays_of(rows: pd.DataFrame, kind: str) -> tuple[Floats, np.ndarray]:
    """Probabilities (n, K) and the number of the true class (n,), as `mgi.evaluation.classification` takes them."""
    names = classes_in(rows)
    predicted = [column(kind, name) for name in names if column(kind, name) in rows]
    truth = rows[[column(TRUTH, name) for name in names]].fillna(0.0).to_numpy(np.float64)
    # A class that a fold's training lacks has no probability there.
    return rows[predicted].fillna(0.0).to_numpy(np.float64), truth.argmax(1)


def statistics(rows: pd.DataFrame) -> dict[str, Statistic]:
    """The scores of a cohort whose patients were tested once each, over all folds together."""
    probability, truth = arrays_of(rows, PROBABILITY)
    uncalibrated, _ = arrays_of(rows, UNCALIBRATED)
    return {
        "auc": auc(probability, truth),
        "balanced_accuracy": balanced_accuracy(probability, truth),
        "brier": mean_of(brier_of(probability, truth)),
        "brier_uncalibrated": mean_of(brier_of(uncalibrated, truth)),
        "ece": calibration_error(probability, truth),
        "ece_uncalibrated": calibration_error(uncalibrated, truth),
    }


def summarise(patients: pd.DataFrame, draws: int, seed: int) -> list[dict[str, object]]:
    """A row per definition, with the reason where the inputs tell the label by themselves."""
    rows, reason = summary_of_cohort(patients, statistics, definitions, draws, seed), reason_in(patients)
    return [row | {CIRCULAR: reason} for row in rows]
