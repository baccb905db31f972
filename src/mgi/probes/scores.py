"""How well predicted classes and risks rank patients, and how sure that is: all resamplings of patients at a time.

`counts` (B, n) say how often each of n patients is in each resampling. K classes; scores of several draws are averaged.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mgi.evaluation.follow_up import FollowUp
from mgi.evaluation.intervals import LEVEL

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
BINS = 10
TIED = 1e-8


def resamplings(n: int, draws: int, seed: int) -> Floats:
    """Each patient once, and then `draws` resamplings of n patients: (1 + draws, n)."""
    picked = np.random.default_rng(seed).integers(0, n, (draws, n))
    counts = np.zeros((draws, n))
    np.add.at(counts, (np.arange(draws)[:, None], picked), 1)
    return np.concatenate([np.ones((1, n)), counts])


def aucs(truth: Numbers, probability: Floats, counts: Floats) -> Floats:
    """Areas under the ROC curve (B,) of probabilities (draws, n, K), the mean over draws.

    Of several classes it is the mean over each against the rest. NaN where one has no patient, or none beside it.
    """
    several = probability.shape[2]
    areas = []
    for one in [1] if several == 2 else range(several):
        own, rest = np.flatnonzero(truth == one), np.flatnonzero(truth != one)
        score = probability[..., one]
        ahead = score[:, own][:, :, None] - score[:, rest][:, None]
        wins = np.where(ahead == 0, 0.5, ahead > 0).mean(axis=0)  # own rest
        of_own, of_rest = counts[:, own], counts[:, rest]
        pairs = of_own.sum(axis=1) * of_rest.sum(axis=1)
        won = ((of_own @ wins) * of_rest).sum(axis=1)
        areas.append(np.divide(won, pairs, out=np.full(len(counts), math.nan), where=pairs > 0))
    found: Floats = np.mean(areas, axis=0)
    return found


def concordances(follow_up: FollowUp, risk: Floats, counts: Floats) -> Floats:
    """Harrell's C (B,) of a risk (n,), as `evaluation.concordance.harrell_c` counts pairs; NaN where there is none."""
    rows = np.flatnonzero(follow_up.events)
    later = (follow_up.times > follow_up.times[rows, None]) | (
        (follow_up.times == follow_up.times[rows, None]) & ~follow_up.events
    )
    ahead = risk[rows, None] - risk
    wins = np.where(np.abs(ahead) <= TIED, 0.5, ahead > 0) * later
    own = counts[:, rows]
    pairs = ((own @ later) * counts).sum(axis=1)
    won = ((own @ wins) * counts).sum(axis=1)
    found: Floats = np.divide(won, pairs, out=np.full(len(counts), math.nan), where=pairs > 0)
    return found


def interval(values: Floats) -> tuple[float, float]:
    """The 95 % percentile interval of resamplings; NaN where half of them have no value."""
    defined = values[~np.isnan(values)]
    if 2 * defined.size <= values.size:
        return math.nan, math.nan
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)


def balanced_accuracy(truth: Numbers, probability: Floats) -> float:
    """The mean over classes of the share of their patients (n,) whose most probable class (draws, n, K) is theirs."""
    right = (probability.argmax(axis=2) == truth).mean(axis=0)
    return float(np.mean([right[truth == one].mean() for one in np.unique(truth)]))


def calibration_error(truth: Numbers, probability: Floats, shares: Floats) -> float:
    """Expected calibration error of the most probable class, in ten bins of equal width, the mean over draws.

    Classes were learned as if they were equally frequent: `shares` (n, K) of training are put back first.
    """
    weighted = probability * shares
    probability = weighted / weighted.sum(axis=2, keepdims=True)
    errors = []
    for one in probability:
        sure, right = one.max(axis=1), one.argmax(axis=1) == truth
        bins = np.minimum((sure * BINS).astype(int), BINS - 1)
        gaps = np.bincount(bins, right, BINS) - np.bincount(bins, sure, BINS)
        errors.append(np.abs(gaps).sum() / len(truth))
    return float(np.mean(errors))
