"""Scores of predicted risks against times and events: those of a cohort, made of each patient's risk and follow-up.

Risks of different folds' models have no common scale, though each is in deviations of its training patients' risks. So
concordance counts pairs of patients of one fold.
"""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mgi.core.run import Run
from mgi.evaluation.brier import integrated_errors
from mgi.evaluation.cohort_scores import Statistic, mean_of, summary_of_cohort
from mgi.evaluation.concordance import concordance_within
from mgi.evaluation.follow_up import Floats, FollowUp, follow_up_of
from mgi.evaluation.kaplan_meier import censoring_curve, kaplan_meier
from mgi.tasks.patient_labels import LabelledPatients, Survival, survival_of
from mgi.tasks.patient_predictions import read_patients
from mgi.tasks.survival.prediction_file import PREDICTIONS

LOG = logging.getLogger(__name__)
definitions = ("c_index", "c_index_uno", "integrated_brier", "integrated_brier_no_model")
headlines = ("c_index", "c_index_uno")


def score(predictions: Path, run: Run, labels: LabelledPatients) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    """Risk, follow-up and squared error of each patient whose time is known.

    `uncensored` is the share of the fold's training patients who are not yet censored at the patient's time.
    """
    rows, head = read_patients(predictions, PREDICTIONS)
    known = survival_of(labels.labels, labels.where)
    labels.require_scored({row["patient_id"] for row in rows}, known)
    training = _follow_up({one: known[one] for one in labels.training if one in known}, labels.where)
    tested = [row for row in rows if row["patient_id"] in known]
    own = np.array([known[row["patient_id"]] for row in tested], dtype=np.float64)  # rows, time and event
    errors = _errors(training, own, np.array([row["survival"] for row in tested]), head["times_days"], run)
    uncensored = censoring_curve(training).at(np.minimum(own[:, 0], training.times.max()))
    for number, row in enumerate(tested):
        yield (
            row["patient_id"],
            row["expression_input"],
            {
                "risk": row["risk"],
                "risk_quantile": row["risk_quantile"],
                "time_days": own[number, 0],
                "event": own[number, 1],
                "uncensored": float(uncensored[number]),
                "squared_error": float(errors[0][number]),
                "squared_error_no_model": float(errors[1][number]),
            },
        )


def _follow_up(known: Survival, where: str) -> FollowUp:
    return follow_up_of([time for time, _ in known.values()], [event for _, event in known.values()], where)


def _errors(training: FollowUp, own: Floats, survival: Floats, times: list[float], run: Run) -> tuple[Floats, Floats]:
    """Squared error of predicted survival and of the training patients' curve, integrated over the cut points.

    Only cut points count that lie within the follow-up of training and of the tested patients; NaN for less than two.
    """
    longest = training.times.max()  # nothing is known of censoring after it; no cut point that counts is as late
    follow_up = FollowUp(times=np.minimum(own[:, 0], longest), events=own[:, 1] > 0)
    at = np.array(times)
    inside = (at >= follow_up.times.min()) & (at < follow_up.times.max())
    if inside.sum() < 2:
        LOG.warning("%s: %d cut points lie within the follow-up: no integrated Brier score", run.key, inside.sum())
        nothing = np.full(len(own), np.nan)
        return nothing, nothing
    curve = np.broadcast_to(kaplan_meier(training).at(at[inside]), (len(own), int(inside.sum())))
    return (
        integrated_errors(training, follow_up, survival[:, inside], at[inside]),
        integrated_errors(training, follow_up, curve, at[inside]),
    )


def follow_up_in(rows: pd.DataFrame) -> FollowUp:
    """The follow-up of the patients of a table."""
    return FollowUp(times=rows["time_days"].to_numpy(np.float64), events=rows["event"].to_numpy(np.float64) > 0)


def statistics(rows: pd.DataFrame) -> dict[str, Statistic]:
    """The scores of a cohort whose patients were tested once each."""
    follow_up, risk, folds = follow_up_in(rows), rows["risk"].to_numpy(np.float64), rows["fold"].to_numpy(np.float64)
    uncensored = rows["uncensored"].to_numpy(np.float64)
    return {
        "c_index": concordance_within(follow_up, risk, folds),
        "c_index_uno": concordance_within(follow_up, risk, folds, uncensored),
        "integrated_brier": mean_of(rows["squared_error"].to_numpy(np.float64)),
        "integrated_brier_no_model": mean_of(rows["squared_error_no_model"].to_numpy(np.float64)),
    }


def summarise(patients: pd.DataFrame, draws: int, seed: int) -> list[dict[str, object]]:
    """A row per definition, with the number of patients who had the event."""
    events = int((patients.drop_duplicates("patient_id")["event"] > 0).sum())
    return [row | {"events": events} for row in summary_of_cohort(patients, statistics, definitions, draws, seed)]
