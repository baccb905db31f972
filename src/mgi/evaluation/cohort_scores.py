"""Scores of a whole cohort, such as an AUC, with intervals over patients: no patient has one of their own.

A statistic takes how often each of n patients is drawn, (D, n) for D draws, and gives its value in each draw (D,), NaN
where it is not defined. So thousands of draws are a few matrix products, and two methods share the same draws.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.evaluation.follow_up import Floats
from mgi.evaluation.intervals import Interval, percentiles

Statistic = Callable[[Floats], Floats]
Statistics = Callable[[pd.DataFrame], Mapping[str, Statistic]]
"""From the rows of some patients, tested once each, to their scores by definition."""
REPLICATE = ["seed", "permutation"]
"""What tells repeated tests of the same patients apart; each has a score of its own, and their mean is reported."""
_AT_ONCE = 4_000_000  # numbers of draws that are held


def mean_of(values: Floats) -> Statistic:
    """The mean of values (n,); those that are NaN are left out."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    return lambda counts: ratio(counts @ filled, counts @ known.astype(np.float64))


def share_of_pairs(rows: NDArray[np.int64], won: Floats, compared: Floats) -> Statistic:
    """Of pairs of patients `rows` (r,) with all n which are compared (r, n), with weights, the share that is won."""

    def share(counts: Floats) -> Floats:
        own = counts[:, rows]
        return ratio(((own @ won) * counts).sum(1), ((own @ compared) * counts).sum(1))

    return share


def average_of(statistics: Sequence[Statistic]) -> Statistic:
    """The mean of several statistics, NaN where one of them is."""
    return lambda counts: np.mean([statistic(counts) for statistic in statistics], axis=0)


def ratio(top: Floats, bottom: Floats) -> Floats:
    """What each draw (D,) has of a total, NaN where that is 0."""
    found: Floats = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return found


def summary_of_cohort(
    rows: pd.DataFrame, statistics: Statistics, definitions: Sequence[str], draws: int, seed: int
) -> list[dict[str, object]]:
    """A row per definition: the score with its interval; a cohort's score has no median."""
    patients = _patients_of(rows)
    scores = _over_replicates(rows, patients, statistics)
    found = []
    for definition in definitions:
        whole, drawn = _drawn(scores[definition], len(patients), draws, seed)
        interval = _interval(whole, drawn, len(patients))
        found.append(
            {"definition": definition, **interval._asdict(), **dict.fromkeys(("q1", "median", "q3"), math.nan)}
        )
    return found


def difference_in_cohort(
    first: pd.DataFrame, second: pd.DataFrame, statistics: Statistics, definition: str, draws: int, seed: int
) -> tuple[Interval, Interval, float] | None:
    """Over the patients of both: the second's score, first minus second with its interval, and the p value of it.

    None where they share no patient. Both are drawn together. The p value is twice the share of draws on the other side
    of 0, or at it.
    """
    patients = sorted(set(first["patient_id"]) & set(second["patient_id"]))
    if not patients:
        return None
    one, other = (
        _over_replicates(rows[rows["patient_id"].isin(patients)], patients, statistics)[definition]
        for rows in (first, second)
    )
    of_second = _drawn(other, len(patients), draws, seed)
    of_first = _drawn(one, len(patients), draws, seed)
    differences = of_first[1] - of_second[1]
    difference = _interval(of_first[0] - of_second[0], differences, len(patients))
    return _interval(*of_second, len(patients)), difference, _p_value(differences)


def _patients_of(rows: pd.DataFrame) -> list[str]:
    return sorted(rows["patient_id"].unique())


def _over_replicates(rows: pd.DataFrame, patients: Sequence[str], statistics: Statistics) -> Mapping[str, Statistic]:
    """Each definition's mean over the replicates, as a statistic of the patients in their order."""
    place = {patient: number for number, patient in enumerate(patients)}
    replicates: list[tuple[list[int], Mapping[str, Statistic]]] = []
    for _, group in rows.groupby(REPLICATE, sort=True):
        ordered = group.sort_values("patient_id")
        replicates.append(([place[patient] for patient in ordered["patient_id"]], statistics(ordered)))

    def of(name: str) -> Statistic:
        return lambda counts: np.mean([own[name](counts[:, places]) for places, own in replicates], axis=0)

    return {name: of(name) for name in (replicates[0][1] if replicates else ())}


def _drawn(statistic: Statistic, n: int, draws: int, seed: int) -> tuple[float, Floats]:
    """The statistic of all patients, and of each draw (D,)."""
    whole = float(statistic(np.ones((1, n)))[0])
    return whole, np.concatenate([np.zeros(0), *(statistic(counts) for counts in multiplicities(n, draws, seed))])


def resamplings(n: int, draws: int, seed: int) -> Floats:
    """Each patient once, and then all draws of `multiplicities`: (1 + draws, n)."""
    return np.concatenate([np.ones((1, n)), *multiplicities(n, draws, seed)])


def multiplicities(n: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each of n patients is drawn in as many draws with replacement, some draws (d, n) at a time."""
    generator, at_once = np.random.default_rng(seed), max(1, _AT_ONCE // max(n, 1))
    for first in range(0, draws if n > 1 else 0, at_once):
        picked = generator.integers(0, n, size=(min(at_once, draws - first), n))
        rows = np.arange(len(picked))[:, None] * n
        yield np.bincount((picked + rows).ravel(), minlength=picked.size).reshape(picked.shape).astype(np.float64)


def _interval(estimate: float, drawn: Floats, n: int) -> Interval:
    """Draws in which the score is not defined are left out; where half of them are, there is no interval."""
    low, high = (math.nan, math.nan) if math.isnan(estimate) else percentiles(drawn)
    return Interval(estimate, low, high, n)


def _p_value(differences: Floats) -> float:
    defined = differences[~np.isnan(differences)]
    if 2 * defined.size <= differences.size:
        return math.nan
    beyond = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (defined.size + 1))
