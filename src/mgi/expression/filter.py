"""Which genes a model sees, decided on the training patients' values alone.

A filter takes values (n, G) as the shard holds them and returns, per gene, a reason to drop it or None.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError

LOG_TPM = "log2(TPM+1)"
AS_GIVEN = "as given"
EXPRESSED_SHARE = 0.2  # of the training patients, as GTEx asks before it maps expression loci

Values = NDArray[np.float32]
Reasons = list[str | None]


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """The section `genes`: which genes are kept and in which order the encoder reads them.

    `top_k` is read by `variance` only, `min_tpm` (TPM, before the logarithm) by `expressed` only, `order_seed` by the
    order `random` only.
    """

    gene_filter: Literal["none", "protein_coding", "expressed", "variance"] = "none"
    top_k: int = 2000
    min_tpm: float = 0.1
    gene_order: Literal["position", "ensembl", "random"] = "ensembl"
    order_seed: int = 0
    positions: str | None = None
    """Table of gene positions that went into the shard, for the order `position`."""

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise ConfigError(f"genes.top_k: found {self.top_k}, expected 1 or more")
        if not (math.isfinite(self.min_tpm) and self.min_tpm >= 0):
            raise ConfigError(f"genes.min_tpm: found {self.min_tpm}, expected 0 or more")


def drop_reasons(values: Values, genes: pd.DataFrame, settings: FilterSettings, scale: str) -> Reasons:
    """Why each gene is dropped, None where it is kept; a gene without variance is dropped by every filter.

    `genes` has a row per column of `values`; `scale` is the shard's.
    Raises BadInputError where no gene is left, ConfigError where the filter does not apply to the shard.
    """
    reasons = constant(values)
    if settings.gene_filter == "protein_coding":
        reasons = first_of(reasons, not_protein_coding(genes))
    elif settings.gene_filter == "expressed":
        reasons = first_of(reasons, not_expressed(values, settings.min_tpm, scale))
    elif settings.gene_filter == "variance":
        reasons = first_of(reasons, not_variable(values, settings.top_k))
    if all(reasons):
        raise BadInputError(f"genes.gene_filter {settings.gene_filter}: keeps none of {len(reasons)} genes")
    return reasons


def first_of(*filters: Reasons) -> Reasons:
    """Compose filters: a gene stays where none drops it, else the first one's reason counts."""
    return [next((reason for reason in reasons if reason), None) for reasons in zip(*filters, strict=True)]


def constant(values: Values) -> Reasons:
    """Drop genes that are the same in every training patient: their z-score is undefined."""
    return _reasons(values.max(axis=0) == values.min(axis=0), "zero variance in training")


def not_protein_coding(genes: pd.DataFrame) -> Reasons:
    """Drop genes of another type than protein_coding.

    Raises ConfigError where the shard knows no gene types.
    """
    if genes["gene_type"].isna().all():
        raise ConfigError(
            "genes.gene_filter protein_coding: this expression shard has no gene types; use another filter"
        )
    return _reasons(genes["gene_type"].to_numpy(object) != "protein_coding", "not protein coding")


def not_expressed(values: Values, min_tpm: float, scale: str) -> Reasons:
    """Drop genes that reach `min_tpm` in fewer than a fifth of the training patients.

    Raises ConfigError where the shard does not hold TPM.
    """
    if scale != LOG_TPM:
        raise ConfigError(
            f"genes.gene_filter expressed: needs TPM, this expression shard is '{scale}'; use another filter"
        )
    enough = math.ceil(EXPRESSED_SHARE * len(values))
    n_expressed = (values >= np.float32(math.log2(min_tpm + 1))).sum(axis=0)
    return _reasons(n_expressed < enough, f"TPM {min_tpm:g} reached in fewer than 20 % of training patients")


def not_variable(values: Values, top_k: int) -> Reasons:
    """Keep the `top_k` genes of largest variance; equal variances rank by gene index."""
    variance = values.var(axis=0, dtype=np.float64)
    rank = np.empty(len(variance), np.int64)
    rank[np.argsort(-variance, kind="stable")] = np.arange(len(variance))
    return _reasons(rank >= top_k, f"not among the {top_k} most variable in training")


def _reasons(dropped: NDArray[np.bool_], reason: str) -> Reasons:
    return [reason if drop else None for drop in dropped]
