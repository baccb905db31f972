"""Cox's partial log likelihood with Efron's treatment of tied events, and its first two derivatives."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

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
    times, events, x = follow_up.times[order], follow_up.events[order], covariates[order]
    score = x @ coefficients
    weight = np.exp(score - score.max())  # the highest factor cancels in every share of a risk set
    starts = np.flatnonzero(np.diff(times, prepend=np.inf))
    value, k = 0.0, covariates.shape[1]
    gradient, information = np.zeros(k), np.zeros((k, k))
    total, first, second = 0.0, np.zeros(k), np.zeros((k, k))  # sums over the risk set of w, w x and w x x'
    for start, stop in zip(starts, [*starts[1:], follow_up.n], strict=True):
        new = slice(start, stop)
        weighted = weight[new, None] * x[new]
        total, first, second = total + weight[new].sum(), first + weighted.sum(axis=0), second + weighted.T @ x[new]
        tied = np.flatnonzero(events[new]) + start
        if not tied.size:
            continue
        share = np.arange(tied.size) / tied.size  # of the tied that has left, l by l
        weighted = weight[tied, None] * x[tied]
        left = total - share * weight[tied].sum()  # d
        mean = (first - share[:, None] * weighted.sum(axis=0)) / left[:, None]  # d k
        value += float((score[tied] - score.max()).sum() - np.log(left).sum())
        gradient += x[tied].sum(axis=0) - mean.sum(axis=0)
        information += second * (1 / left).sum() - (weighted.T @ x[tied]) * (share / left).sum() - mean.T @ mean
    return Likelihood(value, gradient, information)
