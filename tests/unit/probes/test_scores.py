import math

import numpy as np
import pytest

from mgi.evaluation.concordance import harrell_c
from mgi.evaluation.follow_up import follow_up_of
from mgi.probes.scores import aucs, balanced_accuracy, calibration_error, concordances, interval, resamplings

RNG = np.random.default_rng(0)
COUNTS = resamplings(40, 5, 0)


def probabilities(classes: int, draws: int = 2) -> tuple[np.ndarray, np.ndarray]:
    truth = np.arange(40) % classes
    drawn = np.round(RNG.random((draws, 40, classes)), 1) + 0.01 + 0.2 * np.eye(classes)[truth]  # with ties
    return truth, drawn / drawn.sum(axis=2, keepdims=True)


def rows_of(counts: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts.astype(int))


@pytest.mark.parametrize("classes", [2, 3])
def test_areas_are_those_of_scikit_learn_for_every_resampling(classes: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, probability = probabilities(classes)
    found = aucs(truth, probability, COUNTS)
    for counts, value in zip(COUNTS, found, strict=True):
        rows = rows_of(counts)
        own = [one[rows, 1] if classes == 2 else one[rows] for one in probability]
        expected = [metrics.roc_auc_score(truth[rows], one, multi_class="ovr") for one in own]
        assert value == pytest.approx(np.mean(expected))


def test_without_a_class_there_is_no_area() -> None:
    assert math.isnan(aucs(np.zeros(3, int), np.full((1, 3, 2), 0.5), np.ones((1, 3)))[0])


def test_concordances_are_harrells_for_every_resampling() -> None:
    times, events = np.ceil(RNG.exponential(size=40) * 20), RNG.random(40) < 0.6
    own, risk = follow_up_of(times, events), np.round(RNG.normal(size=40), 1)
    for counts, value in zip(COUNTS, concordances(own, risk, COUNTS), strict=True):
        rows = rows_of(counts)
        assert value == pytest.approx(harrell_c(own.of(rows), risk[rows]))


def test_the_first_resampling_is_everybody_once() -> None:
    assert (COUNTS[0] == 1).all()
    assert (COUNTS.sum(axis=1) == 40).all()


def test_accuracy_is_the_mean_over_classes() -> None:
    truth = np.array([0, 0, 0, 1])
    probability = np.eye(2)[[0, 0, 1, 1]][None]
    assert balanced_accuracy(truth, probability) == pytest.approx((2 / 3 + 1) / 2)


def test_the_calibration_error_is_that_of_the_classes_as_frequent_as_in_training() -> None:
    truth = np.array([0, 0, 0, 1])
    even = np.full((1, 4, 2), 0.5)
    assert calibration_error(truth, even, np.tile([0.75, 0.25], (4, 1))) == pytest.approx(0)
    assert calibration_error(truth, even, np.tile([0.5, 0.5], (4, 1))) == pytest.approx(0.25)


def test_there_is_no_interval_where_half_of_the_resamplings_have_no_value() -> None:
    assert interval(np.array([0.1, np.nan, 0.3, 0.2])) == pytest.approx((0.105, 0.295))
    assert math.isnan(interval(np.array([0.1, np.nan]))[0])
