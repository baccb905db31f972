"""Mean and variance of the columns of a matrix with gaps, from blocks of its rows, each read once.

The sum of squares about the mean is carried along and blocks are joined by Chan, Golub and LeVeque's formula (1983,
"Algorithms for computing the sample variance"), so that no large numbers are subtracted from one another.
"""

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]
COLUMNS_AT_ONCE = 1 << 14


class ColumnMoments:
    """How many values the columns (F,) have so far, their mean, and their squares about it; NaN is no value."""

    def __init__(self, width: int) -> None:
        self.count = np.zeros(width, np.int64)
        self.rows = 0
        self._mean = np.zeros(width)
        self._squares = np.zeros(width)

    def add(self, block: NDArray[np.floating]) -> None:
        """Take further rows (k, F) into account; some columns at a time, so that no wide copy of all is made."""
        if not len(block):
            return
        for start in range(0, block.shape[1], COLUMNS_AT_ONCE):
            self._add(block[:, start : start + COLUMNS_AT_ONCE], slice(start, start + COLUMNS_AT_ONCE))
        self.rows += len(block)

    def _add(self, block: NDArray[np.floating], columns: slice) -> None:
        here = ~np.isnan(block)
        count = here.sum(axis=0)
        some = np.maximum(count, 1)
        wide = np.where(here, block, 0.0).astype(np.float64)
        mean = wide.sum(axis=0) / some
        mean += np.where(here, wide - mean, 0.0).sum(axis=0) / some  # what the first sum rounded away
        squares = np.square(np.where(here, wide - mean, 0.0)).sum(axis=0)
        before = self.count[columns]
        share = count / np.maximum(before + count, 1)
        shift = mean - self._mean[columns]
        self._squares[columns] += squares + shift**2 * before * share
        self._mean[columns] += shift * share
        self.count[columns] += count

    @property
    def mean(self) -> Wide:
        """The mean of the values of each column (F,), NaN where there is none."""
        return np.where(self.count > 0, self._mean, np.nan)

    @property
    def variance(self) -> Wide:
        """The mean squared distance of the values from their mean (F,), NaN where there is none."""
        return np.where(self.count > 0, self._squares / np.maximum(self.count, 1), np.nan)

    @property
    def missing_share(self) -> Wide:
        """The share of the rows in which a column has no value (F,)."""
        return np.asarray((self.rows - self.count) / max(1, self.rows))
