"""Genes and gene sets ranked by attributions, and how far two rankings agree. P patients, G genes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
import scipy
from numpy.typing import NDArray

Values = NDArray[np.floating]


def mean_absolute(values: Values) -> NDArray[np.float64]:
    """The mean over patients (P, G) of |attribution|, for each gene (G,)."""
    return np.asarray(np.abs(values).mean(axis=0, dtype=np.float64))


def relative_to(scores: Values, chance: Sequence[Values]) -> NDArray[np.float64]:
    """Scores (G,) over the mean of those that chance gives (each (G,)), 0 where that is 0; nan where it says nothing.

    What genes share, and what stands between genes and network (principal components), raises both alike.
    """
    if not chance:
        return np.full(len(scores), math.nan)
    expected = np.mean(chance, axis=0, dtype=np.float64)
    return np.divide(scores, expected, out=np.where(np.isnan(expected), np.nan, 0.0), where=expected > 0)


def without(draws: Sequence[Values], place: int) -> list[Values]:
    """All draws but one."""
    return [one for at, one in enumerate(draws) if at != place]


def set_scores(values: Values, members: Sequence[int]) -> NDArray[np.float64]:
    """The sum over a set's genes for each patient (P,), over the root of their number."""
    return np.asarray(values[:, list(members)].sum(axis=1, dtype=np.float64) / math.sqrt(len(members)))


def auc(scores: Values, members: Iterable[int], others: Iterable[int]) -> float:
    """The chance that a member's score is above another gene's, ties a half; nan where either is empty."""
    inside, outside = list(members), list(others)
    if not inside or not outside:
        return math.nan
    ranks = scipy.stats.rankdata(scores[[*inside, *outside]])
    return float((ranks[: len(inside)].sum() / len(inside) - (len(inside) + 1) / 2) / len(outside))


def rank_agreement(one: Values, two: Values) -> float:
    """Spearman's correlation of two scores of the same genes; nan where one of them is constant."""
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        return math.nan
    return float(scipy.stats.spearmanr(one, two).statistic)


def agreement_given(one: Values, two: Values, given: Values) -> float:
    """Spearman's partial correlation of two scores of the same genes, given a third; nan where one is constant."""
    between, first, second = (rank_agreement(*pair) for pair in ((one, two), (one, given), (two, given)))
    rest = (1 - first**2) * (1 - second**2)
    return (between - first * second) / math.sqrt(rest) if rest > 0 else math.nan


def signed_agreement(one: Values, two: Values) -> float:
    """The mean over patients of Spearman's correlation of their attributions (P, G); nan where nobody has one."""
    each = [rank_agreement(first, second) for first, second in zip(one, two, strict=True)]
    known = [value for value in each if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def stability(rankings: Sequence[Mapping[str, float]]) -> float:
    """Kendall's tau of the scores of genes by id, a mean over pairs of runs on the genes that they share.

    It is nan for fewer than two runs.
    """
    taus = []
    for one, two in combinations(rankings, 2):
        shared = [gene for gene in one if gene in two]
        first, second = ([ranking[gene] for gene in shared] for ranking in (one, two))
        taus.append(float(scipy.stats.kendalltau(first, second).statistic) if len(shared) > 1 else math.nan)
    return float(np.mean(taus)) if taus else math.nan


def area_between(shares: Sequence[float], upper: Sequence[float], lower: Sequence[float]) -> float:
    """The area between two curves over shares of genes from 0 to 1."""
    return float(np.trapezoid(np.asarray(upper) - np.asarray(lower), shares))
