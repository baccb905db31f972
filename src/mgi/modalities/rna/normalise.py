"""A fold's genes, in a file: which are kept, in which order, how they are scaled; fitted on its training patients."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import digest_of
from mgi.core.gene_ids import UNPLACED, place_of
from mgi.core.scratch_table import HeldTable, Table, by_columns, mean_of_rows
from mgi.modalities.rna.filter import Counts, Values, drop_reasons
from mgi.modalities.rna.scaling import (
    SCALERS,
    Scaler,
    Wide,
    principal_components,
    quantiles,
    ranks,
    reference_distribution,
    robust_centre_and_spread,
    z_scores,
)
from mgi.modalities.rna.settings import FitSettings
from mgi.shards.parquet import metadata_of, read_table, write_table
from mgi.shards.schemas import FITTED_GENES

METADATA = ("gene_hash", "train_hash", "n_train", "scaler")


@dataclass(frozen=True, kw_only=True)
class FittedGenes:
    """What was fitted on the training patients of one fold; lists and arrays are in the model's order (K,).

    `columns` picks the K genes out of the shard's G. `mean` and `std` are those of the shard's values (of the scaler
    `robust`: the median, and the deviation by the median absolute deviation); `reference` is the ascending
    distribution of the scaler `quantile`, else None; `average` is the training mean of what `transform`
    gives, 0 for z-scores. `components` (K, C) are orthonormal: what lies beside them is left out; None: nothing is.
    `table` has a row per gene of the shard: gene_index, gene_id, gene_name, kept, reason (None if kept), order (-1
    if not kept), mean, std, reference (its j-th value on the row of order j), average, components (C values or None).
    """

    gene_ids: list[str]
    columns: NDArray[np.int64]
    scaler: Scaler
    mean: Wide
    std: Wide
    reference: Wide | None
    average: Wide
    components: Wide | None
    train_hash: str
    n_train: int
    table: pd.DataFrame

    def transform(self, values: Values) -> Values:
        """Return what the model reads (n, K) of shard values (n, G): scaled, in the model's gene order, denoised.

        Raises BadInputError where a value is missing or infinite, or G differs.
        """
        if values.ndim != 2 or values.shape[1] != len(self.table):
            raise BadInputError(f"expression values: shape {values.shape}, expected (n, {len(self.table)}) as fitted")
        return self.scale(values[:, self.columns])

    def scale(self, values: Values) -> Values:
        """The same of the chosen genes alone (n, K), in the model's order."""
        picked = values.astype(np.float64)
        if not np.isfinite(picked).all():
            row, column = (int(index) for index in np.argwhere(~np.isfinite(picked))[0])
            found = picked[row, column]
            raise BadInputError(
                f"expression values: row {row}, gene {self.gene_ids[column]}: {found}, expected a number"
            )
        if self.scaler in ("zscore", "robust"):
            picked = z_scores(picked, self.mean, self.std)
        else:
            for row in picked:
                row[:] = ranks(row) if self.reference is None else quantiles(row, self.reference)
        if self.components is not None:
            picked = self.average + (picked - self.average) @ self.components @ self.components.T
        return picked.astype(np.float32)

    @property
    def filler(self) -> str:
        """What stands for a gene without a value."""
        return "training median" if self.scaler == "robust" else "training mean"

    def require_genes(self, gene_ids: Sequence[str], where: str) -> None:
        """Refuse a gene index other than the one that was fitted."""
        fitted = self.table["gene_id"].tolist()
        for row, (expected, found) in enumerate(zip(fitted, gene_ids, strict=False)):
            if expected != found:
                raise BadInputError(f"{where}: gene {row} is {found!r}, expected {expected!r} as fitted")
        if len(fitted) != len(gene_ids):
            raise BadInputError(f"{where}: {len(gene_ids)} genes, expected {len(fitted)} as fitted")


def fit(
    values: Values | Table,
    genes: pd.DataFrame,
    settings: FitSettings,
    train_ids: Sequence[str],
    *,
    unit: str,
    counts: Counts | Table | None = None,
    listed: Sequence[str] | None = None,
) -> FittedGenes:
    """Choose, order and scale the genes; `values` (n, G) holds the training patients only, a row per `train_ids`.

    A matrix that lies on disk has its rows in the order of sorted ids.

    `genes` has gene_id, gene_name, gene_type and, for the order `position`, chromosome and start. `counts` (n, G) and
    the lines of a gene list, `listed`, are for the filters that ask for them. `settings.components` are left to
    `with_components`.
    """
    _check_training(values, genes, train_ids)
    if counts is not None and counts.shape != values.shape:
        raise BadInputError(f"training counts: shape {counts.shape}, expected {values.shape} as the values")
    # Sums depend on the order of their terms: sorted patients make the fit a function of the set.
    by_id = np.argsort(np.asarray(train_ids), kind="stable")
    values = HeldTable(values[by_id]) if isinstance(values, np.ndarray) else values
    counts = HeldTable(counts[by_id]) if isinstance(counts, np.ndarray) else counts
    reasons = drop_reasons(values, genes, settings, unit=unit, counts=counts, listed=listed)
    kept = np.flatnonzero([reason is None for reason in reasons])
    columns = _ordered(genes.iloc[kept], kept, settings)
    order = np.full(len(genes), -1, np.int32)
    order[columns] = np.arange(len(columns))
    table = pd.DataFrame(
        {
            "gene_index": np.arange(len(genes), dtype=np.int32),
            "gene_id": genes["gene_id"].to_numpy(object),
            "gene_name": genes["gene_name"].to_numpy(object),
            "kept": order >= 0,
            "reason": pd.Series(reasons, dtype=object),
            "order": order,
            "mean": by_columns(values, lambda some: some.mean(axis=0, dtype=np.float64)),
            "std": by_columns(values, lambda some: some.std(axis=0, dtype=np.float64)),
            "reference": np.nan,
            "average": np.nan,
            "components": pd.Series([None] * len(genes), dtype=object),
        }
    )
    if settings.scaler == "robust":
        table["mean"], table["std"] = by_columns(
            values, lambda some: np.stack(robust_centre_and_spread(some.astype(np.float64)))
        )
    if settings.scaler == "quantile":
        table.loc[columns, "reference"] = reference_distribution(
            some[:, columns].astype(np.float64) for some in values.row_blocks()
        )
    table.loc[columns, "average"] = 0.0
    about: dict[str, Any] = {"train_hash": train_hash_of(train_ids), "n_train": len(train_ids)}
    fitted = fitted_genes(table, scaler=settings.scaler, **about)
    if settings.scaler != "zscore":
        table.loc[columns, "average"] = mean_of_rows(map(fitted.transform, values.row_blocks()))
    return fitted_genes(table, scaler=settings.scaler, **about)


def with_components(fitted: FittedGenes, scaled: Table, count: int) -> FittedGenes:
    """Return the same genes and scale, which keep of a patient what lies in the first `count` principal components.

    `scaled` (n, K), as `fitted` gives it, is of all who train, with image or without. Raises BadInputError where they
    are no more than `count`.
    """
    found = principal_components(scaled, count)
    table = fitted.table.copy()
    table.loc[fitted.columns, "components"] = pd.Series(list(found), index=fitted.columns, dtype=object)
    return fitted_genes(table, scaler=fitted.scaler, train_hash=fitted.train_hash, n_train=fitted.n_train)


def _check_training(values: Values | Table, genes: pd.DataFrame, train_ids: Sequence[str]) -> None:
    if values.shape != (len(train_ids), len(genes)):
        raise BadInputError(f"training values: shape {values.shape}, expected ({len(train_ids)}, {len(genes)})")
    if len(train_ids) < 2:
        raise BadInputError(f"training values: {len(train_ids)} patients, expected 2 or more to fit a scale")
    if isinstance(values, np.ndarray) and not np.isfinite(values).all():  # those on disk were checked
        row, column = (int(index) for index in np.argwhere(~np.isfinite(values))[0])
        gene = genes["gene_id"].iloc[column]
        raise BadInputError(f"patient {train_ids[row]}, gene {gene}: {values[row, column]}, expected a number")


def fitted_genes(table: pd.DataFrame, *, train_hash: str, n_train: int, scaler: str = "zscore") -> FittedGenes:
    """Return the fitted genes that a table of all genes describes (see FittedGenes)."""
    if scaler not in SCALERS:
        raise BadInputError(f"fitted genes: scaler {scaler!r}, expected one of {', '.join(SCALERS)}")
    chosen = table[table["kept"]].sort_values("order")
    if chosen["order"].tolist() != list(range(len(chosen))):
        raise BadInputError("fitted genes: column order is not 0, 1, 2, … over the kept genes")
    reference = chosen["reference"].to_numpy(np.float64) if scaler == "quantile" else None
    if reference is not None and not (np.isfinite(reference).all() and (np.diff(reference) >= 0).all()):
        raise BadInputError("fitted genes: column reference does not ascend over the kept genes")
    components = [row for row in chosen["components"] if row is not None]
    if components and (len(components) < len(chosen) or len({len(row) for row in components}) > 1):
        raise BadInputError("fitted genes: column components has not as many values for each of the kept genes")
    return FittedGenes(
        gene_ids=chosen["gene_id"].tolist(),
        columns=chosen["gene_index"].to_numpy(np.int64),
        scaler=scaler,
        mean=chosen["mean"].to_numpy(np.float64),
        std=chosen["std"].to_numpy(np.float64),
        reference=reference,
        average=chosen["average"].to_numpy(np.float64),
        components=np.stack(components).astype(np.float64) if components else None,
        train_hash=train_hash,
        n_train=n_train,
        table=table,
    )


def write_fitted_genes(path: Path | str, fitted: FittedGenes) -> None:
    """Write the table of all genes; the kept ones in model order and the training patients go in as digests."""
    metadata = {
        "gene_hash": digest_of(fitted.gene_ids),
        "train_hash": fitted.train_hash,
        "n_train": str(fitted.n_train),
        "scaler": fitted.scaler,
    }
    metadata["digest"] = _digest_of_metadata(metadata)
    columns = {
        column.name: pa.array(fitted.table[column.name], column.type, from_pandas=True) for column in FITTED_GENES
    }
    write_table(path, pa.table(columns, schema=FITTED_GENES.with_metadata(metadata)))


def read_fitted_genes(path: Path | str, *, sealed: bool = True) -> FittedGenes:
    """Read a fold's genes; a file that was compared with a digest elsewhere need not be `sealed`.

    Raises IntegrityError where the kept genes are not those of the metadata digest, BadInputError where columns differ.
    """
    table = read_table(path, FITTED_GENES, sealed=sealed, newest="components")
    metadata = metadata_of(table.schema, path, [*METADATA, "digest"])
    if metadata["digest"] != _digest_of_metadata(metadata):
        raise IntegrityError(f"{path}: its metadata is not what was written; delete it and run again")
    try:
        fitted = fitted_genes(
            table.to_pandas(),
            train_hash=metadata["train_hash"],
            n_train=int(metadata["n_train"]),
            scaler=metadata["scaler"],
        )
    except (BadInputError, ValueError) as error:
        raise BadInputError(f"{path}: {error}") from None
    if (found := digest_of(fitted.gene_ids)) != metadata["gene_hash"]:
        raise IntegrityError(f"{path}: gene_hash {metadata['gene_hash']}, but its kept genes have {found}")
    return fitted


def _digest_of_metadata(metadata: dict[str, str]) -> str:
    """Return a digest of the metadata, which page checksums do not cover."""
    return digest_of(metadata[name] for name in METADATA)


def train_hash_of(train_ids: Sequence[str]) -> str:
    """Return the digest of the set of training patients."""
    return digest_of(sorted(train_ids))


def _ordered(genes: pd.DataFrame, indexes: NDArray[np.int64], settings: FitSettings) -> NDArray[np.int64]:
    """Return the gene indexes of the shard in the model's order, whatever order the shard has them in."""
    by_id = np.argsort(genes["gene_id"].to_numpy(str), kind="stable")
    genes, indexes = genes.iloc[by_id], indexes[by_id]
    if settings.gene_order == "random":
        return indexes[np.random.default_rng(settings.order_seed).permutation(len(indexes))]
    if settings.gene_order == "position":
        if genes["start"].isna().all():
            raise ConfigError(
                "modalities.rna.fit.gene_order position: this expression shard has no gene positions; use ensembl"
            )
        keys = [
            UNPLACED if pd.isna(chromosome) or pd.isna(start) else place_of(str(chromosome), float(start))
            for chromosome, start in zip(genes["chromosome"], genes["start"], strict=True)
        ]
        return indexes[sorted(range(len(keys)), key=keys.__getitem__)]
    return indexes
