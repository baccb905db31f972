"""Kaplan-Meier: which share is event-free at a time, how sure that is, and who is still followed."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from mgi.core.errors import BadInputError
from mgi.evaluation.follow_up import Floats, FollowUp
from mgi.evaluation.intervals import LEVEL

Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SurvivalCurve:
    """A falling step function: at and after `times[i]`, up to the next, the share `survival[i]`; 1 before the first.

    `times` (T,) are all distinct times of follow-up. `at_risk` counts who was followed up to the time, `ends` who had
    the event then. `low` and `high` are the 95 % interval by Greenwood's variance on the scale of log(-log), NaN where
    the share is 0.
    """

    times: Floats
    survival: Floats
    low: Floats
    high: Floats
    at_risk: Counts
    ends: Counts

    def at(self, times: ArrayLike) -> Floats:
        """The share at given times (any shape).

        Raises BadInputError for a time after the last follow-up, unless the share has fallen to 0 by then.
        """
        given = np.asarray(times, dtype=np.float64)
        late = given > self.times[-1]
        if late.any() and self.survival[-1] > 0:
            raise BadInputError(
                f"survival: time: found {given[late].flat[0]:g}, expected at most {self.times[-1]:g}, the last one"
            )
        return stepped(self.times, self.survival, given, 1.0)


def kaplan_meier(follow_up: FollowUp) -> SurvivalCurve:
    """The share without the event over time."""
    return _curve(follow_up, follow_up.events, events_first=False)


def censoring_curve(follow_up: FollowUp) -> SurvivalCurve:
    """The share that is not yet censored; who has the event at a time is no longer at risk of being censored then."""
    return _curve(follow_up, ~follow_up.events, events_first=True)


def numbers_at_risk(follow_up: FollowUp, times: ArrayLike) -> Counts:
    """How many patients are followed up to each of the times (T,): the row of numbers below a plot."""
    counts: Counts = follow_up.n - np.searchsorted(np.sort(follow_up.times), np.asarray(times, np.float64), side="left")
    return counts


def stepped(times: Floats, values: Floats, at: Floats, before: float) -> Floats:
    """A step function that takes values[i] from times[i] on, and `before` until the first."""
    found: Floats = np.concatenate([[before], values])[np.searchsorted(times, at, side="right")]
    return found


def _curve(follow_up: FollowUp, ending: NDArray[np.bool_], *, events_first: bool) -> SurvivalCurve:
    times, group = np.unique(follow_up.times, return_inverse=True)
    ends, all_of_time = np.bincount(group[ending], minlength=times.size), np.bincount(group)
    at_risk = follow_up.n - np.cumsum(all_of_time) + all_of_time
    if events_first:
        at_risk = at_risk - (all_of_time - ends)
    some = ends > 0
    survival = np.cumprod(1 - np.divide(ends, at_risk, out=np.zeros(times.size), where=some))
    open_ended = some & (at_risk > ends)
    variance = np.cumsum(np.divide(ends, at_risk * (at_risk - ends), out=np.zeros(times.size), where=open_ended))
    low, high = _greenwood(survival, variance)
    return SurvivalCurve(times=times, survival=survival, low=low, high=high, at_risk=at_risk, ends=ends)


def _greenwood(survival: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """The interval of log(-log S), whose standard error is sqrt(variance) / |log S|; S = 1 is certain."""
    low, high = np.where(survival > 0, survival, np.nan), np.where(survival > 0, survival, np.nan)
    inner = (survival > 0) & (survival < 1)
    log_share = np.log(survival[inner])
    width = scipy.stats.norm.isf((1 - LEVEL) / 2) * np.sqrt(variance[inner]) / -log_share
    low[inner], high[inner] = np.exp(log_share * np.exp(width)), np.exp(log_share * np.exp(-width))
    return low, high
