"""What predicted probabilities of classes are worth, as statistics of a cohort.

n patients, K classes; probabilities (n, K) add up to one, truth (n,) is the number of the class. A class that no
prediction knows has a number of its own, and the probability 0.
"""

import numpy as np
from numpy.typing import NDArray

from mgi.evaluation.cohort_scores import Statistic, average_of, share_of_pairs
from mgi.evaluation.follow_up import Floats

Classes = NDArray[np.int64]
BINS = 10


def macro_auc(probability: Floats, truth: Classes) -> float:
    """One number of `auc`."""
    return float(auc(probability, truth)(np.ones((1, len(truth))))[0])


def auc(probability: Floats, truth: Classes) -> Statistic:
    """How often the patient who has the class is given more of it than one who has not, a tie counting half.

    Of several classes the mean over those that occur, each against all others. NaN where there is one class.
    """
    present = [number for number in np.unique(truth) if number < probability.shape[1]]
    if len(np.unique(truth)) == 2 and len(present) == 2 and probability.shape[1] == 2:
        present = present[1:]  # the other is its mirror image
    ranked = [_auc_of(probability[:, number], truth == number) for number in present]
    return average_of(ranked) if ranked and len(np.unique(truth)) > 1 else lambda counts: np.full(len(counts), np.nan)


def _auc_of(score: Floats, positive: NDArray[np.bool_]) -> Statistic:
    ahead = score[:, None] - score
    compared = (positive[:, None] & ~positive).astype(np.float64)
    return share_of_pairs(np.where(ahead == 0, 0.5, ahead > 0) * compared, compared)


def balanced_accuracy(probability: Floats, truth: Classes) -> Statistic:
    """The share of patients whose likeliest class is theirs, within each class that occurs, averaged over classes."""
    right = (probability.argmax(1) == truth).astype(np.float64)
    members = [(truth == number).astype(np.float64) for number in np.unique(truth)]

    def within(member: Floats) -> Statistic:
        def share(counts: Floats) -> Floats:
            total = counts @ member
            found: Floats = np.divide(
                counts @ (member * right), total, out=np.full(total.shape, np.nan), where=total > 0
            )
            return found

        return share

    return average_of([within(member) for member in members])


def calibration_error(probability: Floats, truth: Classes) -> Statistic:
    """Expected calibration error: over ten bins of the likeliest class's probability, how far it is from how often it
    is right, on average over patients.
    """
    confidence = probability.max(1)
    gap = (probability.argmax(1) == truth) - confidence
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    of_bin = np.where(bins[:, None] == np.arange(BINS), gap[:, None], 0.0)  # n bins

    def error(counts: Floats) -> Floats:
        found: Floats = np.abs(counts @ of_bin).sum(1) / counts.sum(1)
        return found

    return error


def brier_of(probability: Floats, truth: Classes) -> Floats:
    """Each patient's squared error, summed over classes (n,): 0 is best, 2 is worst; of an unknown class 1 at least."""
    known = truth < probability.shape[1]
    true = np.where(known[:, None], truth[:, None] == np.arange(probability.shape[1]), 0.0)
    errors: Floats = ((probability - true) ** 2).sum(1) + ~known
    return errors
