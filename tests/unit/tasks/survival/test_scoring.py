"""Scores of predicted survival, on patients who are followed longer than those of training among others."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.cohort.labels.file import LabelTable
from mgi.core.run import Run
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.patient_predictions import patient_writer
from mgi.tasks.survival.prediction_file import PREDICTIONS
from mgi.tasks.survival.scoring import score

RUN = Run(task="survival", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)
TRAINING = {"A": (10.0, True), "B": (20.0, True), "C": (30.0, True), "D": (40.0, False)}
TESTED = {"T": (5.0, True), "U": (25.0, False), "V": (500.0, True)}


def scored(folder: Path, tested: dict[str, tuple[float, bool]]) -> dict[str, dict[str, float]]:
    known = TRAINING | tested
    times, events = zip(*known.values(), strict=True)
    table = pd.DataFrame({"patient_id": [*known, "W"], "time_days": [*times, None], "event": [*events, None]})
    labels = LabelTable(table=table, classes=(), source="own.csv", endpoint="OS", survival_source="own.csv")
    patients = LabelledPatients(labels=labels, where="own", fold=0, training=[*TRAINING], validation=[])
    path = folder / "p.parquet"
    with patient_writer(path, RUN, PREDICTIONS, {"times_days": [10.0, 20.0, 30.0]}) as writer:
        for number, patient in enumerate([*tested, "W"]):
            survival = [0.9, 0.6, 0.3]
            writer.add(patient, "own", patient, {"risk": -number, "risk_quantile": 0.5, "survival": survival})
    return {patient: dict(values) for patient, _, values in score(path, RUN, patients)}


def test_who_has_no_time_is_not_scored_and_all_others_have_their_errors(tmp_path: Path) -> None:
    found = scored(tmp_path, TESTED)
    assert set(found) == set(TESTED), "W has no time"
    assert [found[one]["uncensored"] for one in TESTED] == [1.0, 1.0, 0.0]
    # Within the follow-up of the tested and of training lie 10, 20 and 30. T died before all of them.
    assert found["T"]["squared_error"] == pytest.approx(np.trapezoid([0.81, 0.36, 0.09], [10, 20, 30]) / 20)
    # V outlives all of them; nobody of training is censored by then.
    assert found["V"]["squared_error"] == pytest.approx(np.trapezoid([0.01, 0.16, 0.49], [10, 20, 30]) / 20)
    assert found["V"]["squared_error_no_model"] == pytest.approx(
        np.trapezoid([0.0625, 0.25, 0.5625], [10, 20, 30]) / 20
    )


def test_without_cut_points_in_the_follow_up_there_is_no_integrated_score(tmp_path: Path) -> None:
    found = scored(tmp_path, {"T": (5.0, True), "U": (12.0, False)})
    assert np.isnan([one["squared_error"] for one in found.values()]).all()
    assert {one["risk"] for one in found.values()} == {0.0, -1.0}
