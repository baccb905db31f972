"""What predicted probabilities of classes are worth, as statistics of a cohort.

n patients, K classes; probabilities (n, K) add up to one, truth (n,) is the number of the class. A class that no
prediction knows has a number of its own, and the probability 0. Several predictions of the same patients (D, n, K) are
scored together, by the mean over them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mgi.evaluation.cohort_scores import Statistic, average_of, ratio
from mgi.evaluation.follow_up import Floats

Classes = NDArray[np.int64]
BINS = 10


def macro_auc(probability: Floats, truth: Classes) -> float:
    """One number of `auc`."""
    return float(auc(probability, truth)(np.ones((1, len(truth))))[0])


def auc(probability: Floats, truth: Classes, over: Sequence[int] | None = None) -> Statistic:
    """How often the patient who has the class is given more of it than one who has not, a tie counting half.

    Of several classes the mean over those that occur, each against all others, or over the classes `over`. NaN where
    there is one class, or one of `over` has no patient.
    """
    several, occurring = probability.shape[-1], np.unique(truth)
    scored = [number for number in (occurring if over is None else over) if number < several]
    if len(occurring) == 2 and len(scored) == 2 and several == 2:
        scored = scored[1:]  # the other is its mirror image
    ranked = [_auc_of(probability[..., number], truth == number) for number in scored]
    return average_of(ranked) if ranked and len(occurring) > 1 else lambda counts: np.full(len(counts), np.nan)


def _auc_of(score: Floats, positive: NDArray[np.bool_]) -> Statistic:
    own, rest = np.flatnonzero(positive), np.flatnonzero(~positive)
    ahead = score[..., own][..., :, None] - score[..., rest][..., None, :]
    wins = _mean_prediction(np.where(ahead == 0, 0.5, ahead > 0), 2)  # own rest

    def area(counts: Floats) -> Floats:
        of_own, of_rest = counts[:, own], counts[:, rest]
        return ratio(((of_own @ wins) * of_rest).sum(1), of_own.sum(1) * of_rest.sum(1))

    return area


def balanced_accuracy(probability: Floats, truth: Classes) -> Statistic:
    """The share of patients whose likeliest class is theirs, within each class that occurs, averaged over classes."""
    right = _mean_prediction(probability.argmax(-1) == truth, 1)
    members = [(truth == number).astype(np.float64) for number in np.unique(truth)]

    def within(member: Floats) -> Statistic:
        return lambda counts: ratio(counts @ (member * right), counts @ member)

    return average_of([within(member) for member in members])


def calibration_error(probability: Floats, truth: Classes) -> Statistic:
    """Expected calibration error: over ten bins of the likeliest class's probability, how far it is from how often it
    is right, on average over patients.
    """
    predictions = probability.reshape(-1, *probability.shape[-2:])
    return average_of([_calibration_error_of(one, truth) for one in predictions])


def _calibration_error_of(probability: Floats, truth: Classes) -> Statistic:
    confidence = probability.max(1)
    gap = (probability.argmax(1) == truth) - confidence
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    of_bin = np.where(bins[:, None] == np.arange(BINS), gap[:, None], 0.0)  # n bins

    def error(counts: Floats) -> Floats:
        found: Floats = np.abs(counts @ of_bin).sum(1) / counts.sum(1)
        return found

    return error


def _mean_prediction(values: NDArray[np.bool_] | Floats, dimensions: int) -> Floats:
    """The mean over predictions of values whose last so many dimensions are those of one."""
    mean: Floats = values.mean(axis=tuple(range(values.ndim - dimensions)))
    return mean


def brier_of(probability: Floats, truth: Classes) -> Floats:
    """Each patient's squared error, summed over classes (n,): 0 is best, 2 is worst; of an unknown class 1 at least."""
    known = truth < probability.shape[1]
    true = np.where(known[:, None], truth[:, None] == np.arange(probability.shape[1]), 0.0)
    errors: Floats = ((probability - true) ** 2).sum(1) + ~known
    return errors
