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
    at, predicted = np.asarray(times, dtype=np.float64), np.asarray(survival, dtype=np.float64)
    _require_times(at, follow_up)
    require_finite(predicted, (follow_up.n, at.size), "brier: survival")
    censoring = censoring_curve(training)
    happened = (follow_up.times[:, None] <= at) & follow_up.events[:, None]  # n T
    followed = follow_up.times[:, None] > at
    own, then = censoring.at(np.where(follow_up.events, follow_up.times, 0.0)), censoring.at(at)
    error = np.where(happened, _over(predicted**2, own[:, None]), 0.0)
    error += np.where(followed, _over((1 - predicted) ** 2, then), 0.0)
    scores: Floats = error.mean(axis=0)
    return scores


def integrated_brier(training: FollowUp, follow_up: FollowUp, survival: ArrayLike, times: ArrayLike) -> float:
    """The mean of `brier_scores` from the first to the last of two times at least, by the trapezoidal rule."""
    at = np.asarray(times, dtype=np.float64)
    scores = brier_scores(training, follow_up, survival, at)
    if at.size < 2:
        raise BadInputError(f"brier: times: found {at.size}, expected 2 at least to integrate over")
    return float(np.trapezoid(scores, at) / (at[-1] - at[0]))


def _over(squares: Floats, shares: Floats) -> Floats:
    """Squares over shares; where nobody is left uncensored, nothing can be weighed, and 0 is added."""
    return np.divide(squares, shares, out=np.zeros(np.broadcast_shapes(squares.shape, shares.shape)), where=shares > 0)


def _require_times(at: Floats, follow_up: FollowUp) -> None:
    first, last = follow_up.times.min(), follow_up.times.max()
    if at.ndim != 1 or not at.size or not np.isfinite(at).all() or (np.diff(at) <= 0).any():
        raise BadInputError("brier: times: expected one at least, each later than the one before")
    for time in at[(at < first) | (at >= last)][:1]:
        raise BadInputError(f"brier: times: found {time:g}, expected from {first:g} to before {last:g}, the follow-up")
