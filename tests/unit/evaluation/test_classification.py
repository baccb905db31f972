import numpy as np
import pytest

from mgi.evaluation.classification import auc, balanced_accuracy, brier_of, calibration_error, macro_auc
from mgi.evaluation.cohort_scores import resamplings

ONE = np.ones((1, 4))
PROBABILITY = np.array([[0.9, 0.1], [0.6, 0.4], [0.4, 0.6], [0.4, 0.6]])
TRUTH = np.array([0, 1, 1, 0])


def test_auc_counts_pairs_and_half_of_a_tie() -> None:
    # Of the pairs (1, 0): .4 > .1 won, .4 < .6 lost, .6 > .1 won, .6 = .6 a tie.
    assert macro_auc(PROBABILITY, TRUTH) == pytest.approx(2.5 / 4)
    assert macro_auc(PROBABILITY[:, ::-1], 1 - TRUTH) == pytest.approx(2.5 / 4)
    assert np.isnan(macro_auc(PROBABILITY, np.zeros(4, int)))


def test_a_patient_drawn_twice_counts_as_two() -> None:
    twice = np.array([[1.0, 2, 0, 1]])
    rows = [0, 1, 1, 3]
    assert auc(PROBABILITY, TRUTH)(twice)[0] == macro_auc(PROBABILITY[rows], TRUTH[rows])
    assert balanced_accuracy(PROBABILITY, TRUTH)(twice)[0] == pytest.approx(
        balanced_accuracy(PROBABILITY[rows], TRUTH[rows])(ONE)[0]
    )
    assert calibration_error(PROBABILITY, TRUTH)(twice)[0] == pytest.approx(
        calibration_error(PROBABILITY[rows], TRUTH[rows])(ONE)[0]
    )
    assert np.isnan(auc(PROBABILITY, TRUTH)(np.array([[1.0, 0, 0, 3]]))[0])


def test_of_several_classes_each_stands_against_all_others() -> None:
    probability = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4], [0.5, 0.4, 0.1]])
    truth = np.array([0, 1, 2, 1])
    # Class 0: .6 above all, 1. Class 1: .5 and .4 above .3 and .3, 1. Class 2: .4 above all, 1.
    assert macro_auc(probability, truth) == 1.0
    assert macro_auc(probability, np.array([1, 1, 2, 0])) == pytest.approx((2 / 3 + 2.5 / 4 + 1) / 3)


def test_a_class_that_no_prediction_knows_is_always_told_wrong() -> None:
    truth = np.array([0, 1, 2, 0])
    assert balanced_accuracy(PROBABILITY, truth)(ONE)[0] == pytest.approx((0.5 + 0 + 0) / 3)
    assert brier_of(PROBABILITY, truth)[2] == pytest.approx(1 + 0.4**2 + 0.6**2)
    assert 0 < macro_auc(PROBABILITY, truth) < 1


def test_brier_is_summed_over_classes() -> None:
    assert brier_of(PROBABILITY, TRUTH).tolist() == pytest.approx([0.02, 0.72, 0.32, 0.72])


def test_calibration_compares_within_bins() -> None:
    # Bin .9: right, gap .1 of one. Bin .6: confidences .6, .6, .6; right are 0, 1, 0 of three: gap .6 - 1/3.
    assert calibration_error(PROBABILITY, TRUTH)(ONE)[0] == pytest.approx(0.1 / 4 + 3 / 4 * (0.6 - 1 / 3))
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert calibration_error(sure, np.array([0, 1]))(np.ones((1, 2)))[0] == 0


def several(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Two predictions of 40 patients, with ties, and their classes."""
    truth = np.arange(40) % classes
    drawn = np.round(np.random.default_rng(0).random((2, 40, classes)), 1) + 0.01 + 0.2 * np.eye(classes)[truth]
    return truth, drawn / drawn.sum(axis=2, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3])
def test_areas_are_those_of_scikit_learn_for_every_draw_and_the_mean_over_predictions(classes: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, probability = several(classes)
    counts = resamplings(40, 5, 0)
    for own, value in zip(counts, auc(probability, truth)(counts), strict=True):
        rows = np.repeat(np.arange(40), own.astype(int))
        each = [one[rows, 1] if classes == 2 else one[rows] for one in probability]
        expected = [metrics.roc_auc_score(truth[rows], one, multi_class="ovr") for one in each]
        assert value == pytest.approx(np.mean(expected))


def test_accuracy_and_calibration_are_the_mean_over_predictions() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, probability = several(3)
    one = np.ones((1, 40))
    expected = [metrics.balanced_accuracy_score(truth, own.argmax(1)) for own in probability]
    assert balanced_accuracy(probability, truth)(one)[0] == pytest.approx(np.mean(expected))
    each = [calibration_error(own, truth)(one)[0] for own in probability]
    assert calibration_error(probability, truth)(one)[0] == pytest.approx(np.mean(each))


def test_over_all_classes_there_is_no_area_where_one_has_no_patient() -> None:
    truth, probability = several(3)
    two = np.flatnonzero(truth < 2)
    assert auc(probability[0, two], truth[two])(np.ones((1, two.size)))[0] > 0.5
    assert np.isnan(auc(probability[0, two], truth[two], range(3))(np.ones((1, two.size)))[0])
