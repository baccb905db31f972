"""How sure a mean over patients is: patient bootstrap, signed ranks, Holm's correction."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95


class Interval(NamedTuple):
    """A mean (or other statistic) with its 95 % percentile interval and the patients behind it, as table columns."""

    mean: float
    low: float
    high: float
    n: int


def bootstrap_mean(values: ArrayLike, draws: int, seed: int) -> Interval:
    """Mean over patients, its interval from `draws` resamplings of patients; nan values are left out."""
    given = np.asarray(values, dtype=np.float64)
    given = given[~np.isnan(given)]
    return bootstrap_ratio(given, np.ones(given.size), draws, seed)


def bootstrap_ratio(numerators: ArrayLike, denominators: ArrayLike, draws: int, seed: int) -> Interval:
    """Sum of numerators over sum of denominators (a pooled score), resampled by patient.

    One patient has no interval (nan), none has no ratio either.
    """
    top, bottom = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if top.size == 0 or bottom.sum() == 0:
        return Interval(math.nan, math.nan, math.nan, top.size)
    estimate = float(top.sum() / bottom.sum())
    if top.size < 2:
        return Interval(estimate, math.nan, math.nan, top.size)
    picked = np.random.default_rng(seed).integers(0, top.size, size=(draws, top.size))
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(top[picked].sum(axis=1) / bottom[picked].sum(axis=1), [tail, 100 - tail])
    return Interval(estimate, float(low), float(high), top.size)


def bootstrap_statistic(statistic: Callable[[NDArray[np.int64]], float], n: int, draws: int, seed: int) -> Interval:
    """A statistic of rows 0 to n - 1, and its interval from `draws` resamplings of these rows.

    It is handed row numbers (n,), which may repeat. Draws for which it is nan (no pair of patients to compare) are left
    out; where half of them are, there is no interval (nan).
    """
    estimate = float(statistic(np.arange(n)))
    generator = np.random.default_rng(seed)
    drawn = np.array([statistic(generator.integers(0, n, n)) for _ in range(draws if n > 1 else 0)], dtype=np.float64)
    low, high = (math.nan, math.nan) if math.isnan(estimate) else percentiles(drawn)
    return Interval(estimate, low, high, n)


def percentiles(drawn: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % percentile interval of draws (D,), without those that are nan; nan where half of them are."""
    defined = drawn[~np.isnan(drawn)]
    if 2 * defined.size <= drawn.size:
        return math.nan, math.nan
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)


def wilcoxon_p(differences: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; 1 where every difference is zero, nan where there is none."""
    given = np.asarray(differences, dtype=np.float64)
    given = given[~np.isnan(given)]
    if given.size == 0:
        return math.nan
    if not given.any():
        return 1.0
    return float(scipy.stats.wilcoxon(given).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the given order; nan stays nan and is not counted as a test."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.size, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    running = 0.0
    for rank, index in enumerate(tested[np.argsort(p[tested], kind="stable")]):
        running = max(running, min(1.0, (tested.size - rank) * float(p[index])))
        adjusted[index] = running
    return [float(value) for value in adjusted]
