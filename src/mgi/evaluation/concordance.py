"""Concordance: how often, of two patients, the one with the higher predicted risk has the event first."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgi.core.errors import BadInputError
from mgi.evaluation.cohort_scores import Statistic, share_of_pairs
from mgi.evaluation.follow_up import Floats, FollowUp, require_finite
from mgi.evaluation.kaplan_meier import censoring_curve

TIED = 1e-8
"""Risks that differ by no more count half, as in scikit-survival."""
_ROWS = 512  # patients with an event whose pairs are held at a time


def harrell_c(follow_up: FollowUp, risk: ArrayLike) -> float:
    """Harrell's C of a risk (n,), higher for an earlier event; 0.5 is chance, NaN where no pair can be compared.

    A patient with an event is compared with all who were followed longer, or were censored at the same time.
    """
    return _concordance(follow_up, risk, np.ones(follow_up.n))


def uno_c(training: FollowUp, follow_up: FollowUp, risk: ArrayLike, until: float | None = None) -> float:
    """Uno's C: pairs weigh 1 / G(t)^2, where G is the share of `training` not yet censored at the time of the event.

    So it does not depend on how patients were censored, as Harrell's does. Events at `until` or later are left out;
    set it where few are still followed, as late events weigh much.
    Raises BadInputError for an event at a time when nobody of `training` is left uncensored.
    """
    counted = follow_up.events if until is None else follow_up.events & (follow_up.times < until)
    uncensored = censoring_curve(training).at(follow_up.times[counted])
    for time in np.sort(follow_up.times[counted][uncensored == 0])[:1]:
        raise BadInputError(
            f"concordance: time: found an event at {time:g}, when all of training are censored; leave it out by `until`"
        )
    weights = np.zeros(follow_up.n)
    weights[counted] = 1 / uncensored**2
    return _concordance(follow_up, risk, weights)


def concordance_within(
    follow_up: FollowUp, risk: Floats, strata: Floats | None = None, uncensored: Floats | None = None
) -> Statistic:
    """Harrell's C as a statistic of a cohort; of risks that models of several folds predicted, within `strata` (n,).

    With `uncensored` (n,), the share of training not yet censored at a patient's own time, pairs weigh
    1 / uncensored^2 as Uno's, and an event at which nobody is left uncensored does not count.
    """
    weight = follow_up.events.astype(np.float64)
    if uncensored is not None:
        weight = np.divide(weight, uncensored**2, out=np.zeros(follow_up.n), where=uncensored > 0)
    rows = np.flatnonzero(weight)
    wins, compared = _pairs(follow_up, risk, rows)
    if strata is not None:
        compared &= strata[rows, None] == strata
    return share_of_pairs(rows, weight[rows, None] * (wins * compared), weight[rows, None] * compared)


def _concordance(follow_up: FollowUp, risk: ArrayLike, weights: Floats) -> float:
    """`weights` (n,) are those of a patient's own event in every pair."""
    score = np.asarray(risk, dtype=np.float64)
    require_finite(score, (follow_up.n,), "concordance: risk")
    rows = np.flatnonzero(follow_up.events & (weights != 0))
    won = total = 0.0
    for part in np.split(rows, range(_ROWS, rows.size, _ROWS)):
        wins, compared = _pairs(follow_up, score, part)
        won += float(weights[part] @ (wins * compared).sum(axis=1))
        total += float(weights[part] @ compared.sum(axis=1))
    return won / total if total else math.nan


def _pairs(follow_up: FollowUp, risk: Floats, rows: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
    """Patients with an event (r,) beside all n: what each wins (r, n), and with whom it is compared (r, n)."""
    own = follow_up.times[rows, None]
    compared = (follow_up.times > own) | ((follow_up.times == own) & ~follow_up.events)
    ahead = risk[rows, None] - risk
    return np.where(np.abs(ahead) <= TIED, 0.5, ahead > 0), compared
