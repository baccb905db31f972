"""Brier score of predicted survival: squared error at a time, weighted for those who were censored before it."""

import numpy as np
from numpy.typing import ArrayLike

from mgi.core.errors import BadInputError
from mgi.evaluation.follow_up import Floats, FollowUp, require_finite
from mgi.evaluation.kaplan_meier import censoring_curve


def brier_scores(training: FollowUp, follow_up: FollowUp, survival: ArrayLike, times: ArrayLike) -> Floats:
    """A score per time (T,) of predicted survival (n, T), a column a time; lower is better, 0.25 says nothing.

    A patient with the event by then counts with 1 / G(own time), one still followed with 1 / G(t), one censored before
    with 0; G is the share of `training` that is not yet censored (Graf 1999).
    Raises BadInputError for times that do not rise, or lie before the first time of follow-up or not before its last.
    """
    scores: Floats = _errors(training, follow_up, survival, np.asarray(times, dtype=np.float64)).mean(axis=0)
    return scores


def integrated_errors(training: FollowUp, follow_up: FollowUp, survival: ArrayLike, times: ArrayLike) -> Floats:
    """Each patient's weighted squared error (n,), averaged from the first to the last of two times at least.

    Their mean is the integrated Brier score, whose interval is `bootstrap_mean`'s: resampled patients keep the weights,
    and need not be followed as long as the last time.
    """
    at = np.asarray(times, dtype=np.float64)
    errors = _errors(training, follow_up, survival, at)
    if at.size < 2:
        raise BadInputError(f"brier: times: found {at.size}, expected 2 at least to integrate over")
    averaged: Floats = np.trapezoid(errors, at, axis=1) / (at[-1] - at[0])
    return averaged


def integrated_brier(training: FollowUp, follow_up: FollowUp, survival: ArrayLike, times: ArrayLike) -> float:
    """The mean of `brier_scores` over time, by the trapezoidal rule."""
    return float(integrated_errors(training, follow_up, survival, times).mean())


def _errors(training: FollowUp, follow_up: FollowUp, survival: ArrayLike, at: Floats) -> Floats:
    """Weighted squared errors (n, T)."""
    _require_times(at, follow_up)
    predicted = np.asarray(survival, dtype=np.float64)
    require_finite(predicted, (follow_up.n, at.size), "brier: survival")
    censoring = censoring_curve(training)
    happened = (follow_up.times[:, None] <= at) & follow_up.events[:, None]  # n T
    followed = follow_up.times[:, None] > at
    own, then = censoring.at(np.where(follow_up.events, follow_up.times, 0.0)), censoring.at(at)
    return np.where(happened, _over(predicted**2, own[:, None]), 0.0) + np.where(
        followed, _over((1 - predicted) ** 2, then), 0.0
    )


def _over(squares: Floats, shares: Floats) -> Floats:
    """Squares over shares; where nobody is left uncensored, nothing can be weighed, and 0 is added."""
    return np.divide(squares, shares, out=np.zeros(np.broadcast_shapes(squares.shape, shares.shape)), where=shares > 0)


def _require_times(at: Floats, follow_up: FollowUp) -> None:
    first, last = follow_up.times.min(), follow_up.times.max()
    if at.ndim != 1 or not at.size or not np.isfinite(at).all() or (np.diff(at) <= 0).any():
        raise BadInputError("brier: times: expected one at least, each later than the one before")
    for time in at[(at < first) | (at >= last)][:1]:
        raise BadInputError(f"brier: times: found {time:g}, expected from {first:g} to before {last:g}, the follow-up")
