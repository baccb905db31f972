"""Concordance of risks that models of several folds predicted: only patients of one fold are compared."""

import numpy as np

from mgi.evaluation.cohort_scores import Statistic, share_of_pairs
from mgi.evaluation.concordance import TIED
from mgi.evaluation.follow_up import Floats, FollowUp


def concordance_within(
    follow_up: FollowUp, risk: Floats, strata: Floats, uncensored: Floats | None = None
) -> Statistic:
    """Of pairs of one stratum of which one had the event first, the share in which it had the higher risk.

    As Harrell's C; with `uncensored` (n,), the share of training not yet censored at a patient's own time, pairs weigh
    1 / uncensored^2 as Uno's, and an event at which nobody is left uncensored does not count.
    """
    weight = follow_up.events.astype(np.float64)
    if uncensored is not None:
        weight = np.divide(weight, uncensored**2, out=np.zeros(follow_up.n), where=uncensored > 0)
    own, other = follow_up.times[:, None], follow_up.times
    later = (other > own) | ((other == own) & ~follow_up.events)
    compared = weight[:, None] * (later & (strata[:, None] == strata))
    ahead = risk[:, None] - risk
    return share_of_pairs(np.where(np.abs(ahead) <= TIED, 0.5, ahead > 0) * compared, compared)
