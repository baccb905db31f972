"""Tables of one run's attributions: genes over all patients, gene sets, and each patient's own genes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.explain.attribution_file import IG, IG_NOISE, RANDOM_WEIGHTS, TRAINED, Attributions
from mgi.explain.ranking import Values, auc, mean_absolute, relative_to, set_scores, without

Members = Mapping[str, Sequence[int]]
"""Rows of a set's genes in the order of the values, by its name."""


class Mean(NamedTuple):
    """A mean over patients and its interval."""

    mean: float
    low: float
    high: float


Interval = Callable[[NDArray[np.float64]], Mean]

GLOBAL = (
    "run", "value", "method", "rank", "gene_id", "gene_name", "mean_absolute", "low", "high", "mean", "relative",
    "patients", "gene_sets",
)  # fmt: skip
GENE_SETS = (
    "run", "value", "method", "network", "gene_set", "genes", "mean", "mean_absolute", "low", "high", "auc",
    "auc_other_sets", "auc_relative", "auc_permuted", "patients",
)  # fmt: skip
LOCAL = ("run", "value", "method", "patient_id", "end", "rank", "gene_id", "gene_name", "attribution")
MOST_NAMED = 5
DELETION_TABLE = ("run", "value", "order", "share", "remaining", "patients")


def preferred(found: Attributions, value: str) -> str:
    """The method by which a value is shown: with noise where there is one."""
    return IG_NOISE if IG_NOISE in found.methods(value) else IG


def values_in(found: Attributions) -> list[str]:
    """The values of a run, in the order in which they were explained."""
    return list(dict.fromkeys(found.value.tolist()))


def global_rows(found: Attributions, top: int, sets: Members, interval: Interval) -> Iterator[tuple[Any, ...]]:
    """Rows of GLOBAL: by each method the genes of the largest mean |attribution|, largest first.

    `relative` is that over what random weights give the gene. Its sets are named, at most MOST_NAMED of them.
    """
    for value in values_in(found):
        for method in found.methods(value):
            values = found.of(value, method)
            scores = mean_absolute(values)
            relative = relative_to(scores, [mean_absolute(draw) for draw in found.random_draws(value)])
            for rank, gene in enumerate(np.argsort(-scores, kind="stable")[:top], start=1):
                own = values[:, gene].astype(np.float64)
                spread = interval(np.abs(own))
                yield (
                    found.run.key, value, method, rank, found.gene_ids[gene], found.gene_names[gene],
                    spread.mean, spread.low, spread.high, own.mean(), relative[gene], len(own), _named(sets, int(gene)),
                )  # fmt: skip


def _named(sets: Members, gene: int) -> str:
    return "; ".join(islice((name for name, members in sets.items() if gene in members), MOST_NAMED))


def gene_set_rows(
    found: Attributions, sets: Members, interval: Interval, permuted: Sequence[Attributions] = ()
) -> Iterator[tuple[Any, ...]]:
    """Rows of GENE_SETS: of each network and set the sums over its genes, and whether its genes stand out.

    `auc` is of members against genes in no set, `auc_other_sets` against genes of the other sets alone, `auc_relative`
    of scores over those of random weights, `auc_permuted` over those of networks of permuted pairs. Of random weights
    each is a mean over the draws, and a draw is compared with the others.
    """
    every = {gene for members in sets.values() for gene in members}
    outside = [gene for gene in found.genes if gene not in every]
    for value in values_in(found):
        method = preferred(found, value)
        draws = found.random_draws(value)
        chance = [mean_absolute(draw) for draw in draws]
        for network, own, shown in ((TRAINED, [found.of(value, method)], method), (RANDOM_WEIGHTS, draws, IG)):
            if not own:
                continue
            scores = [mean_absolute(values) for values in own]
            others = [chance if network == TRAINED else without(chance, draw) for draw in range(len(own))]
            relative = [relative_to(one, other) for one, other in zip(scores, others, strict=True)]
            by_permuted = relative_to(scores[0], shares_of(permuted, found, value) if network == TRAINED else [])
            known = set(np.flatnonzero(np.isfinite(by_permuted)).tolist())
            for name, members in sets.items():
                sums = np.concatenate([set_scores(values, members) for values in own])
                further = sorted(every - set(members))
                yield (
                    found.run.key, value, shown, network, name, len(members), sums.mean(), *interval(np.abs(sums)),
                    _mean_auc(scores, members, outside), _mean_auc(scores, members, further),
                    _mean_auc(relative, members, outside),
                    auc(by_permuted, known.intersection(members), known.intersection(outside)), len(own[0]),
                )  # fmt: skip


def shares_of(permuted: Sequence[Attributions], found: Attributions, value: str) -> list[Values]:
    """The share of all attribution that each network of permuted pairs gives the genes (G,) of `found`, itself aside.

    nan: a gene that it does not read. Several modalities side by side have no such shares.
    """
    shares = []
    for other in permuted:
        if other.run.key == found.run.key or found.spans or other.spans or value not in values_in(other):
            continue
        scores = mean_absolute(other.of(value, preferred(other, value)))
        by_gene = dict(zip(other.gene_ids, (scores / scores.sum()).tolist(), strict=True))
        shares.append(np.array([by_gene.get(gene, np.nan) for gene in found.gene_ids]))
    return shares


def _mean_auc(scores: Sequence[Values], members: Sequence[int], others: Sequence[int]) -> float:
    return float(np.mean([auc(one, members, others) for one in scores]))


def local_rows(found: Attributions, count: int) -> Iterator[tuple[Any, ...]]:
    """Rows of LOCAL: each patient's genes of the lowest and of the highest attributions."""
    for value in values_in(found):
        method = preferred(found, value)
        for row in found.rows(value, method):
            own = found.values[row]
            order = np.argsort(own, kind="stable")
            for end, genes in (("lowest", order[:count]), ("highest", order[::-1][:count])):
                for rank, gene in enumerate(genes, start=1):
                    yield (
                        found.run.key, value, method, found.patient_id[row], end, rank,
                        found.gene_ids[gene], found.gene_names[gene], float(own[gene]),
                    )  # fmt: skip


def deletion_rows(key: str, deleted: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Rows of DELETION_TABLE: the mean over patients of what remains, as a share of the mean at no deletion."""
    for value, of_value in deleted.groupby("value", sort=False):
        patients = of_value["patient_id"].nunique()
        for order, curve in of_value.groupby("order", sort=False):
            means = curve.groupby("share")["remaining"].mean().sort_index()
            whole = means.iloc[0]
            for share, mean in means.items():
                yield key, value, order, share, mean / whole if whole else np.nan, patients
