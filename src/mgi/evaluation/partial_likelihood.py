"""Cox's partial log likelihood with Efron's treatment of tied events, and its first two derivatives."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgi.evaluation.follow_up import Floats, FollowUp, require_finite


class Likelihood(NamedTuple):
    """The log likelihood, its gradient (k,) and the information (k, k), the negative second derivative."""

    value: float
    gradient: Floats
    information: Floats


def partial_log_likelihood(follow_up: FollowUp, log_risk: ArrayLike) -> float:
    """The partial log likelihood of log hazard ratios (n,), a sum over events."""
    score = np.asarray(log_risk, dtype=np.float64)
    require_finite(score, (follow_up.n,), "cox: log_risk")
    return derivatives(follow_up, score[:, None], np.ones(1)).value


def derivatives(follow_up: FollowUp, covariates: Floats, coefficients: Floats) -> Likelihood:
    """The likelihood of coefficients (k,) for covariates (n, k).

    Of d patients who have the event at one time, Efron lets the l-th (from 0) leave l / d of all d out of the risk set.
    """
    order = np.argsort(-follow_up.times, kind="stable")
    times, x = follow_up.times[order], covariates[order]
    tied = np.flatnonzero(follow_up.events[order])  # rows of the E events
    new = np.diff(times, prepend=np.inf) != 0
    group = np.cumsum(new) - 1  # n: the distinct time of a row, the latest first
    of = group[tied]
    score = x @ coefficients
    weight = np.exp(score - score.max())  # the highest factor cancels in every share of a risk set
    weighted = weight[:, None] * x
    count = np.bincount(of, minlength=group[-1] + 1)
    share = (np.arange(tied.size) - (np.cumsum(count) - count)[of]) / count[of]  # of the tied that has left, l by l
    last = (np.append(np.flatnonzero(new)[1:], follow_up.n) - 1)[of]  # of the risk set: all rows before are in it too
    total, first = np.cumsum(weight)[last], np.cumsum(weighted, axis=0)[last]  # E, E k: sums over it of w and w x
    left = total - share * np.bincount(of, weight[tied])[of]  # E
    mean = (first - share[:, None] * _sums(weighted[tied], count)[of]) / left[:, None]  # E k
    # A row is in the risk sets of its own time and of all earlier ones; w x x' of it counts once for each event there.
    counted = weight * np.cumsum(np.bincount(of, 1 / left, count.size)[::-1])[::-1][group]
    counted[tied] -= weight[tied] * np.bincount(of, share / left, count.size)[of]
    return Likelihood(
        value=float((score[tied] - score.max()).sum() - np.log(left).sum()),
        gradient=x[tied].sum(axis=0) - mean.sum(axis=0),
        information=(counted[:, None] * x).T @ x - mean.T @ mean,
    )


def _sums(rows: Floats, count: NDArray[np.int64]) -> Floats:
    """Sums (T, k) of consecutive rows (E, k), `count` (T,) at a time, 0 where it is 0."""
    ends = np.cumsum(count)
    cumulative = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    sums: Floats = cumulative[ends] - cumulative[ends - count]
    return sums
