"""Columns of numbers on the scale of normal deviates, by their ranks."""

import numpy as np
import scipy
from numpy.typing import NDArray

BLOM = 3 / 8


def inverse_normal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The normal quantile of each value's rank within its column (n, m): of (rank - 3/8) / (n + 1/4), as Blom has it.

    Equal values share their mean rank, so a constant column stays constant.
    """
    ranks = scipy.stats.rankdata(values, axis=0)
    scores: NDArray[np.float64] = scipy.stats.norm.ppf((ranks - BLOM) / (len(values) + 1 - 2 * BLOM))
    return scores
