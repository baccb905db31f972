"""Which genes a model sees, decided on the training patients' values alone.

A filter takes values (n, G) as the shard holds them, or counts, and says which genes it drops, and why.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.scratch_table import Table, by_columns
from mgi.modalities.rna.gene_labels import GeneIndex
from mgi.modalities.rna.settings import FitSettings

LOG_TPM = "log2(TPM+1)"
AS_GIVEN = "as given"
FILTER, LIST = "modalities.rna.fit.gene_filter", "modalities.rna.fit.gene_list"
EXPRESSED_SHARE = 0.2  # of the training patients, as GTEx asks before it maps expression loci

# edgeR's filterByExpr with its defaults, all samples in one group (Chen, Lun and Smyth 2016, F1000Research 5:1438).
MIN_COUNT, MIN_TOTAL_COUNT, LARGE_GROUP, MIN_SHARE = 10, 15, 10, Fraction(7, 10)

Values = NDArray[np.float32]
Counts = NDArray[np.uint32]
Dropped = tuple[NDArray[np.bool_], str]
"""Which genes (G,) a filter drops, and why."""


def drop_reasons(
    values: Table,
    genes: pd.DataFrame,
    settings: FitSettings,
    *,
    unit: str,
    counts: Table | None = None,
    listed: Sequence[str] | None = None,
) -> list[str | None]:
    """Why each gene is dropped, None where it is kept; a gene without variance is dropped by every filter.

    `values` (n, G) are the training patients' in the shard's `unit`, `genes` has a row per column. `counts` (n, G) are
    None where the shard has none, `listed` are the lines of the gene list.
    Raises BadInputError where no gene is left, ConfigError where the filter does not apply to the shard.
    """
    filters: dict[str, Callable[[], Dropped]] = {
        "none": lambda: (np.zeros(len(genes), bool), "none"),
        "protein_coding": lambda: not_protein_coding(genes),
        "expressed": lambda: not_expressed(values, settings.min_tpm, unit),
        "filter_by_expr": lambda: too_few_reads(counts),
        "variance": lambda: not_variable(values, settings.top_k),
        "list": lambda: not_listed(genes, listed),
    }
    constant = by_columns(values, lambda some: some.max(axis=0) == some.min(axis=0))  # their z-score is undefined
    dropped, reason = filters[settings.gene_filter]()
    if (constant | dropped).all():
        raise BadInputError(f"{FILTER} {settings.gene_filter}: keeps none of {len(genes)} genes")
    reasons = np.select([constant, dropped], ["zero variance in training", reason], "").tolist()
    return [why or None for why in reasons]


def not_protein_coding(genes: pd.DataFrame) -> Dropped:
    """Drop genes of another type than protein_coding."""
    if genes["gene_type"].isna().all():
        raise ConfigError(f"{FILTER} protein_coding: this expression shard has no gene types; use another filter")
    return genes["gene_type"].to_numpy(object) != "protein_coding", "not protein coding"


def not_expressed(values: Table, min_tpm: float, unit: str) -> Dropped:
    """Drop genes that reach `min_tpm` in fewer than a fifth of the training patients."""
    if unit != LOG_TPM:
        raise ConfigError(f"{FILTER} expressed: needs TPM, this expression shard is '{unit}'; use another filter")
    enough = math.ceil(EXPRESSED_SHARE * values.shape[0])
    n_expressed = by_columns(values, lambda some: (some >= np.float32(math.log2(min_tpm + 1))).sum(axis=0))
    return n_expressed < enough, f"TPM {min_tpm:g} reached in fewer than 20 % of training patients"


def not_variable(values: Table, top_k: int) -> Dropped:
    """Keep the `top_k` genes of largest variance; equal variances rank by gene index."""
    variance = by_columns(values, lambda some: some.var(axis=0, dtype=np.float64))
    rank = np.argsort(np.argsort(-variance, kind="stable"))
    return rank >= top_k, f"not among the {top_k} most variable in training"


def too_few_reads(counts: Table | None) -> Dropped:
    """Drop genes that edgeR's filterByExpr drops: they need 10 reads at the median library size in enough patients.

    With more than ten patients, enough is ten and 70 % of the others. Compared in whole reads, so that a gene right at
    the threshold is kept whatever the rounding. Raises ConfigError where the shard has no counts.
    """
    if counts is None:
        raise ConfigError(f"{FILTER} filter_by_expr: this expression shard has no counts; use another filter")
    library = [int(total) for rows in counts.row_blocks() for total in rows.sum(axis=1, dtype=np.int64)]
    if not all(library):
        raise BadInputError(f"{FILTER} filter_by_expr: a training patient has no reads at all")
    median = statistics.median(map(Fraction, library))
    needed = np.array([math.ceil(MIN_COUNT * total / median) for total in library], np.int64)
    group = Fraction(len(library))
    if group > LARGE_GROUP:
        group = LARGE_GROUP + (group - LARGE_GROUP) * MIN_SHARE
    n_expressed = by_columns(counts, lambda some: (some >= needed[:, None]).sum(axis=0))
    in_all = by_columns(counts, lambda some: some.sum(axis=0, dtype=np.int64))
    dropped = (n_expressed < math.ceil(group)) | (in_all < MIN_TOTAL_COUNT)
    return dropped, f"fewer than {MIN_COUNT} reads at the median library size in too many training patients"


def not_listed(genes: pd.DataFrame, listed: Sequence[str] | None) -> Dropped:
    """Drop genes that no line of the list means (see gene_labels)."""
    if not listed:
        raise ConfigError(f"{LIST}: found nothing, expected a file with one gene a line for gene_filter list")
    index = GeneIndex(genes["gene_id"].tolist(), genes["gene_name"].tolist())
    rows_of = {label: index.find(label)[1] for label in listed}
    if unknown := [label for label, rows in rows_of.items() if not rows]:
        many = f"{len(unknown)} of {len(listed)} listed are not"
        raise BadInputError(f"{LIST}: {unknown[0]!r}: not a gene of this expression shard ({many})")
    dropped = np.ones(len(genes), bool)
    dropped[[row for rows in rows_of.values() for row in rows]] = False
    return dropped, "not on the list"
