"""Expression of all patients on one gene index: values, features and their description in one folder."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import digest_of
from mgi.core.repeats import first_repeated
from mgi.shards.dataset_manifest import dataset_of, read_dataset, write_dataset
from mgi.shards.number_rows import read_ids, row_groups, rows_of, write_number_rows
from mgi.shards.parquet import metadata_of, opened_parquet, read_table, require_schema, write_table
from mgi.shards.schemas import GENES, expression_values

VALUES_FILE, FEATURES_FILE = "values.parquet", "features.parquet"
KIND = "table"

Row = tuple[str, NDArray[np.float32], NDArray[np.uint32] | None]
"""A patient's id, values (G,) and, where the shard has them, counts (G,)."""


@dataclass(frozen=True, kw_only=True)
class ExpressionShard:
    """Unscaled values (n, G) float32, a row per patient sorted by id, a column per row of `genes` (schemas.GENES).

    `unit` says what the values are: "log2(TPM+1)" and the like, or "as given". `counts` (n, G) uint32 are unstranded
    reads, None where the shard has none or they were not asked for.
    """

    patient_ids: list[str]
    values: NDArray[np.float32]
    genes: pd.DataFrame
    unit: str
    simulated: bool
    counts: NDArray[np.uint32] | None = None

    @property
    def gene_hash(self) -> str:
        """Digest of the gene ids in their order."""
        return digest_of(self.genes["gene_id"])

    def rows_of(self, patients: Sequence[str], where: str = "expression shard") -> list[int]:
        """The row of each patient; BadInputError names the first who has none."""
        return rows_of(self.patient_ids, patients, where, "expression")


def write_values(path: Path | str, genes: pd.DataFrame, unit: str, rows: Iterable[Row], *, with_counts: bool) -> None:
    """Write the values of a shard from rows in order of their ids; no more than one row group of them is held.

    The file appears when the last row is written. Raises BadInputError where a row breaks the format.
    """
    _require_unique_genes(genes)
    gene_ids = genes["gene_id"].tolist()
    schema = expression_values(len(gene_ids), counts=with_counts)
    schema = schema.with_metadata({"gene_hash": digest_of(gene_ids), "unit": unit})
    checked = _checked(rows, gene_ids, with_counts=with_counts)
    write_number_rows(
        path, schema, ((one, (values,) if counts is None else (values, counts)) for one, values, counts in checked)
    )


def _checked(rows: Iterable[Row], gene_ids: list[str], *, with_counts: bool) -> Iterator[Row]:
    last, shape = "", (len(gene_ids),)
    for patient_id, values, counts in rows:
        where = f"expression shard: {patient_id}"
        if patient_id <= last:
            raise BadInputError(f"{where} after {last}, expected sorted, unique patients")
        if (counts is not None) != with_counts:
            raise BadInputError(f"{where}: counts for some patients, expected all or none")
        for name, row, dtype in (("values", values, "float32"), ("counts", counts, "uint32")):
            if row is not None and (row.shape != shape or row.dtype != dtype):
                raise BadInputError(f"{where}: {name} {row.dtype} {row.shape}, expected {dtype} {shape}")
        if not np.isfinite(values).all():
            column = int(np.flatnonzero(~np.isfinite(values))[0])
            raise BadInputError(f"{where}, gene {gene_ids[column]}: {values[column]}, expected a number")
        last = patient_id
        yield patient_id, values, counts


def describe_expression(
    values: Path | str, features: Path | str, dataset: Path | str, genes: pd.DataFrame, **metadata: Any
) -> None:
    """Write the genes beside finished values, and the description of both last; `metadata` adds entries to it."""
    with opened_parquet(values, sealed=False) as source:
        own = metadata_of(source.schema_arrow, values, ["gene_hash", "unit"])
        rows, with_counts = source.metadata.num_rows, "counts" in source.schema_arrow.names
    columns = {name: pa.array(genes[name], GENES.field(name).type, from_pandas=True) for name in GENES.names}
    write_table(features, pa.table(columns, schema=GENES.with_metadata({"gene_hash": own["gene_hash"]})))
    fields = {"rows": rows, "genes": len(genes), "counts": with_counts, **own}
    write_dataset(dataset, KIND, [values, features], {**metadata, **fields})


def write_expression(
    shard: ExpressionShard, values: Path | str, genes: Path | str, dataset: Path | str, **metadata: Any
) -> None:
    """Write a whole shard, its description last; `metadata` adds entries to the description."""
    if len(shard.values) != len(shard.patient_ids):
        raise BadInputError(f"expression shard: {len(shard.values)} rows of {len(shard.patient_ids)} patients")
    counts = [None] * len(shard.values) if shard.counts is None else shard.counts
    rows = zip(shard.patient_ids, shard.values, counts, strict=True)
    write_values(values, shard.genes, shard.unit, rows, with_counts=shard.counts is not None)
    describe_expression(values, genes, dataset, shard.genes, simulated=shard.simulated, **metadata)


def read_expression(shard: Path | str, *, counts: bool = False) -> ExpressionShard:
    """Read and check a whole shard, named by its dataset.json or its folder; `counts` also reads the read counts."""
    opened = open_expression(shard)
    matrices: list[Any] = []
    for name, dtype in [("values", np.float32), *([("counts", np.uint32)] if counts and opened.has_counts else [])]:
        matrix = np.empty((len(opened.patient_ids), len(opened.genes)), dtype)
        for rows, found in opened.row_groups(name):
            matrix[rows] = found
        matrices.append(matrix)
    return ExpressionShard(
        patient_ids=opened.patient_ids,
        values=matrices[0],
        genes=opened.genes,
        unit=opened.unit,
        simulated=opened.simulated,
        counts=matrices[1] if len(matrices) > 1 else None,
    )


@dataclass(frozen=True, kw_only=True)
class OpenExpression:
    """A shard of which all but the values was read and checked; those are read a row group at a time."""

    path: Path
    patient_ids: list[str]
    genes: pd.DataFrame
    unit: str
    simulated: bool
    has_counts: bool

    def rows_of(self, patients: Sequence[str], where: str = "expression shard") -> list[int]:
        """The row of each patient; BadInputError names the first who has none."""
        return rows_of(self.patient_ids, patients, where, "expression")

    def row_groups(
        self, name: str = "values", wanted: Collection[int] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
        """Row numbers (k,) and their `values` or `counts` (k, G), in the order of the file, no more than ROW_GROUP.

        `wanted` narrows it to some rows. Raises BadInputError where a value is missing or no number.
        """
        for rows, found in row_groups(self.path, name, len(self.genes), wanted):
            _require_finite(found, [self.patient_ids[row] for row in rows], self.genes, self.path)
            yield rows, found


def open_expression(shard: Path | str) -> OpenExpression:
    """Read and check what a shard says of its patients and genes; it is named by its dataset.json or its folder."""
    folder = dataset_of(shard).parent
    stated = ("gene_hash", "counts", "unit", "simulated")
    dataset = read_dataset(shard, KIND, stated)
    gene_hash, has_counts, unit, simulated = (dataset[name] for name in stated)
    genes = read_table(folder / FEATURES_FILE, GENES).to_pandas()
    values_path = folder / VALUES_FILE
    with opened_parquet(values_path, sealed=False) as source:
        require_schema(source.schema_arrow, expression_values(len(genes), counts=bool(has_counts)), values_path)
        found_hashes = {
            FEATURES_FILE: digest_of(genes["gene_id"]),
            VALUES_FILE: metadata_of(source.schema_arrow, values_path, ["gene_hash"])["gene_hash"],
        }
        patient_ids = read_ids(values_path, source)
    for name, found in found_hashes.items():
        if found != gene_hash:
            raise IntegrityError(f"{folder / name}: gene_hash {found}, expected {gene_hash}; the gene index is another")
    _require_unique_genes(genes)
    return OpenExpression(
        path=values_path,
        patient_ids=patient_ids,
        genes=genes,
        unit=unit,
        simulated=simulated,
        has_counts=bool(has_counts),
    )


def _require_unique_genes(genes: pd.DataFrame) -> None:
    if (twice := first_repeated(genes["gene_id"])) is not None:
        raise BadInputError(f"expression shard: gene_id: {twice} occurs twice, expected unique ids")


def _require_finite(values: NDArray[Any], patient_ids: Sequence[str], genes: pd.DataFrame, path: Path) -> None:
    if not np.isfinite(values).all():
        row, column = (int(index) for index in np.argwhere(~np.isfinite(values))[0])
        gene = genes["gene_id"].iloc[column]
        raise BadInputError(f"{path}: {patient_ids[row]}, gene {gene}: {values[row, column]}, expected a number")
