import math

import numpy as np
import pandas as pd
import pytest

from mgi.evaluation.classification import auc
from mgi.evaluation.cohort_scores import (
    Statistic,
    difference_in_cohort,
    mean_of,
    multiplicities,
    resamplings,
    summary_of_cohort,
)
from mgi.evaluation.intervals import bootstrap_statistic


def rows_of(score: np.ndarray, truth: np.ndarray, *, seed: int = 0, permutation: int = 0) -> pd.DataFrame:
    patients = [f"P{number:02}" for number in range(len(truth))]
    values = {"patient_id": patients, "score": score, "truth": truth}
    return pd.DataFrame(values | {"seed": seed, "permutation": permutation, "fold": 0})


def statistics(rows: pd.DataFrame) -> dict[str, Statistic]:
    score, truth = rows["score"].to_numpy(float), rows["truth"].to_numpy(int)
    return {"auc": auc(np.stack([1 - score, score], 1), truth), "mean": mean_of(score)}


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.arange(40) % 3 == 0
    return truth.astype(int), truth * 0.6 + rng.normal(0, 0.5, 40), rng.normal(0, 0.5, 40)


def test_every_patient_is_drawn_as_often_as_any_other_and_draws_have_the_cohorts_size() -> None:
    counts = np.concatenate(list(multiplicities(5, 4000, 0)))
    assert counts.shape == (4000, 5)
    assert (counts.sum(1) == 5).all()
    assert counts.mean(0) == pytest.approx([1.0] * 5, abs=0.06)
    assert list(multiplicities(1, 10, 0)) == []


def test_the_first_resampling_is_everybody_once() -> None:
    counts = resamplings(5, 7, 0)
    assert (counts[0] == 1).all()
    assert counts[1:].tolist() == np.concatenate(list(multiplicities(5, 7, 0))).tolist()


def test_the_interval_is_that_of_resampled_patients(drawn: tuple[np.ndarray, ...]) -> None:
    truth, good, _ = drawn
    row = summary_of_cohort(rows_of(good, truth), statistics, ["auc", "mean"], 4000, 1)[0]

    def plain(chosen: np.ndarray) -> float:
        pairs = good[chosen][:, None] - good[chosen]
        compared = (truth[chosen][:, None] == 1) & (truth[chosen] == 0)
        return float((pairs > 0)[compared].mean()) if compared.any() else math.nan

    expected = bootstrap_statistic(plain, 40, 2000, 2)
    assert (row["definition"], row["n"]) == ("auc", 40)
    assert row["mean"] == pytest.approx(expected.mean)
    # A tie of a patient drawn twice with itself is no pair of two classes, so both bootstraps agree.
    assert [row["low"], row["high"]] == pytest.approx([expected.low, expected.high], abs=0.02)


def test_repeated_tests_have_scores_of_their_own_which_are_averaged(drawn: tuple[np.ndarray, ...]) -> None:
    truth, good, bad = drawn
    one, other = rows_of(good, truth), rows_of(bad, truth, seed=1)
    scores = [summary_of_cohort(rows, statistics, ["auc"], 10, 0)[0]["mean"] for rows in (one, other)]
    both = summary_of_cohort(pd.concat([other, one]), statistics, ["auc"], 10, 0)[0]["mean"]
    assert both == pytest.approx(sum(scores) / 2)
    assert scores[0] != scores[1]


def test_two_methods_are_compared_on_the_same_draws_of_the_patients_of_both(drawn: tuple[np.ndarray, ...]) -> None:
    truth, good, bad = drawn
    first, second = rows_of(good, truth), rows_of(bad, truth)
    found = difference_in_cohort(first, second, statistics, "auc", 500, 0)
    assert found is not None
    score, difference, p = found
    assert difference.mean == pytest.approx(
        summary_of_cohort(first, statistics, ["auc"], 10, 0)[0]["mean"] - score.mean
    )
    assert difference.low > 0
    assert p < 0.05
    same = difference_in_cohort(first, first, statistics, "auc", 500, 0)
    assert same is not None
    assert same[1][:3] == (0.0, 0.0, 0.0)
    assert same[2] == 1.0
    fewer = difference_in_cohort(first, second[:30], statistics, "auc", 500, 0)
    assert fewer is not None
    assert fewer[1].n == 30
    assert difference_in_cohort(first, second[:0], statistics, "auc", 500, 0) is None


def test_a_score_that_is_not_defined_has_no_interval() -> None:
    row = summary_of_cohort(rows_of(np.ones(5), np.ones(5, int)), statistics, ["auc"], 50, 0)[0]
    assert all(math.isnan(float(row[name])) for name in ("mean", "low", "high"))
