"""Expression of all patients on one gene index: values, genes and their description in one folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import atomic_path, digest_of
from mgi.shards.dataset_manifest import dataset_of, field_of, read_dataset, write_dataset
from mgi.shards.parquet import WRITING, metadata_of, opened_parquet, read_table, require_schema, write_table
from mgi.shards.schemas import GENES, expression_values

VALUES_FILE, GENES_FILE = "values.parquet", "genes.parquet"
KIND = "expression"
ROW_GROUP = 32  # patients; 8 MB at 60,660 genes, and as much again for counts
# Dictionaries of measured numbers only cost time.
_WRITING = {**WRITING, "use_dictionary": False}


@dataclass(frozen=True, kw_only=True)
class ExpressionShard:
    """Unscaled values (n, G) float32, a row per patient sorted by id, a column per row of `genes` (schemas.GENES).

    `scale` says what the values are: "log2(TPM+1)" and the like, or "as given". `counts` (n, G) uint32 are unstranded
    reads, None where the shard has none or they were not asked for.
    """

    patient_ids: list[str]
    values: NDArray[np.float32]
    genes: pd.DataFrame
    scale: str
    simulated: bool
    counts: NDArray[np.uint32] | None = None

    @property
    def gene_hash(self) -> str:
        """Digest of the gene ids in their order."""
        return digest_of(self.genes["gene_id"])

    def rows_of(self, patients: Sequence[str], where: str = "expression shard") -> list[int]:
        """The row of each patient; BadInputError names the first who has none."""
        row_of = {patient: row for row, patient in enumerate(self.patient_ids)}
        if absent := [patient for patient in patients if patient not in row_of]:
            raise BadInputError(f"{where}: no expression of {absent[0]}, who is in the split")
        return [row_of[patient] for patient in patients]


class ExpressionWriter:
    """Takes patients in order of their ids; holds no more than one row group of them."""

    def __init__(self, file: pq.ParquetWriter, gene_ids: list[str], *, with_counts: bool) -> None:
        self._file, self._gene_ids, self._with_counts = file, gene_ids, with_counts
        self._ids: list[str] = []
        self._values: list[NDArray[np.float32]] = []
        self._counts: list[NDArray[np.uint32]] = []
        self._last = ""

    def add(self, patient_id: str, values: NDArray[np.float32], counts: NDArray[np.uint32] | None = None) -> None:
        """Append one patient's values (G,) float32 and, where the shard has them, counts (G,) uint32.

        Raises BadInputError where ids repeat or are not sorted, a shape or type is another or a value is not finite.
        """
        self._check(patient_id, values, counts)
        self._last = patient_id
        self._ids.append(patient_id)
        self._values.append(values)
        if counts is not None:
            self._counts.append(counts)
        if len(self._ids) == ROW_GROUP:
            self.flush()

    @property
    def n_held(self) -> int:
        """Patients that are in memory and not yet in the file."""
        return len(self._ids)

    def flush(self) -> None:
        """Write what is held as a row group."""
        if not self._ids:
            return
        columns = [pa.array(self._ids, pa.string()), _lists(self._values)]
        if self._with_counts:
            columns.append(_lists(self._counts))
        self._file.write_table(pa.table(columns, schema=self._file.schema))
        self._ids, self._values, self._counts = [], [], []

    def _check(self, patient_id: str, values: NDArray[np.float32], counts: NDArray[np.uint32] | None) -> None:
        if patient_id == self._last:
            raise BadInputError(f"expression shard: patient_id: {patient_id}: an id occurs twice, expected unique ids")
        if patient_id < self._last:
            raise BadInputError(f"expression shard: patient_id: {patient_id} after {self._last}: not sorted")
        shape = (len(self._gene_ids),)
        if values.shape != shape or values.dtype != np.float32:
            raise BadInputError(
                f"expression shard: {patient_id}: values {values.dtype} {values.shape}, expected float32 {shape}"
            )
        if (counts is not None) != self._with_counts:
            raise BadInputError(f"expression shard: {patient_id}: counts for some patients, expected all or none")
        if counts is not None and (counts.shape != shape or counts.dtype != np.uint32):
            raise BadInputError(
                f"expression shard: {patient_id}: counts {counts.dtype} {counts.shape}, expected uint32 {shape}"
            )
        if not np.isfinite(values).all():
            column = int(np.flatnonzero(~np.isfinite(values))[0])
            raise BadInputError(
                f"expression shard: {patient_id}, gene {self._gene_ids[column]}: {values[column]}, expected a number"
            )


@contextmanager
def expression_writer(
    path: Path | str, genes: pd.DataFrame, scale: str, *, with_counts: bool
) -> Iterator[ExpressionWriter]:
    """Write the values of a shard patient by patient; the file appears when the block succeeds.

    Raises BadInputError where gene ids repeat.
    """
    gene_ids = genes["gene_id"].tolist()
    if len(set(gene_ids)) != len(gene_ids):
        raise BadInputError("expression shard: gene_id: an id occurs twice, expected unique ids")
    schema = expression_values(len(gene_ids), counts=with_counts)
    schema = schema.with_metadata({"gene_hash": digest_of(gene_ids), "scale": scale})
    with atomic_path(path) as part, pq.ParquetWriter(part, schema, **_WRITING) as file:
        writer = ExpressionWriter(file, gene_ids, with_counts=with_counts)
        yield writer
        writer.flush()


def describe_expression(
    values: Path | str, genes_path: Path | str, dataset: Path | str, genes: pd.DataFrame, **metadata: Any
) -> None:
    """Write the genes beside finished values, and the description of both last; `metadata` adds entries to it."""
    with opened_parquet(values) as source:
        own = metadata_of(source.schema_arrow, values, ["gene_hash", "scale"])
        rows, with_counts = source.metadata.num_rows, "counts" in source.schema_arrow.names
    columns = {name: pa.array(genes[name], GENES.field(name).type, from_pandas=True) for name in GENES.names}
    write_table(genes_path, pa.table(columns, schema=GENES.with_metadata({"gene_hash": own["gene_hash"]})))
    fields = {"rows": rows, "genes": len(genes), "counts": with_counts, **own}
    write_dataset(dataset, KIND, [values, genes_path], {**metadata, **fields})


def write_expression(
    shard: ExpressionShard, values: Path | str, genes: Path | str, dataset: Path | str, **metadata: Any
) -> None:
    """Write a whole shard, its description last; `metadata` adds entries to the description.

    Raises BadInputError where ids repeat or are not sorted, shapes disagree or a value is not finite.
    """
    if len(shard.values) != len(shard.patient_ids):
        raise BadInputError(f"expression shard: {len(shard.values)} rows of {len(shard.patient_ids)} patients")
    counts = [None] * len(shard.values) if shard.counts is None else shard.counts
    with expression_writer(values, shard.genes, shard.scale, with_counts=shard.counts is not None) as writer:
        for patient, row, reads in zip(shard.patient_ids, shard.values, counts, strict=True):
            writer.add(patient, row, reads)
    describe_expression(values, genes, dataset, shard.genes, simulated=shard.simulated, **metadata)


def read_expression(shard: Path | str, *, verify: bool = False, counts: bool = False) -> ExpressionShard:
    """Read and check a whole shard, named by its dataset.json or its folder.

    `verify` also compares the files' sha256, `counts` also reads the read counts.
    Raises BadInputError or IntegrityError naming the file where anything disagrees with the description.
    """
    folder = dataset_of(shard).parent
    dataset = read_dataset(shard, KIND, verify=verify)
    genes_path, values_path = folder / GENES_FILE, folder / VALUES_FILE
    genes = read_table(genes_path, GENES)
    expected_hash = field_of(dataset, "gene_hash", folder)
    found_hash = digest_of(genes["gene_id"].to_pylist())
    has_counts = bool(field_of(dataset, "counts", folder))
    with opened_parquet(values_path) as source:
        require_schema(source.schema_arrow, expression_values(len(genes), counts=has_counts), values_path)
        own_hash = metadata_of(source.schema_arrow, values_path, ["gene_hash"])["gene_hash"]
        patient_ids = source.read(["patient_id"])["patient_id"].to_pylist()
        values = _matrix(source, "values", np.float32, len(genes), values_path)
        reads = _matrix(source, "counts", np.uint32, len(genes), values_path) if counts and has_counts else None
    for path, found in ((genes_path, found_hash), (values_path, own_hash)):
        if found != expected_hash:
            raise IntegrityError(f"{path}: gene_hash {found}, expected {expected_hash}; the gene index is another")
    read = ExpressionShard(
        patient_ids=patient_ids,
        values=values,
        genes=genes.to_pandas(),
        scale=field_of(dataset, "scale", folder),
        simulated=field_of(dataset, "simulated", folder),
        counts=reads,
    )
    _check(read)
    return read


def _lists(rows: list[NDArray[Any]]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(rows)), len(rows[0]))


def _matrix(source: pq.ParquetFile, name: str, dtype: type[np.generic], n_genes: int, path: Path) -> NDArray[Any]:
    """Return one column of lists as a matrix, filled a row group at a time."""
    matrix = np.empty((source.metadata.num_rows, n_genes), dtype)
    start = 0
    for group in range(source.num_row_groups):
        column = source.read_row_group(group, [name])[name]
        column.validate(full=True)
        if column.null_count:
            raise BadInputError(f"{path}: {name}: {column.null_count} null rows, expected none")
        for chunk in column.chunks:
            flat = chunk.flatten()
            if flat.null_count:
                raise BadInputError(f"{path}: {name}: {flat.null_count} missing values, expected none")
            matrix[start : start + len(chunk)] = flat.to_numpy().reshape(-1, n_genes)
            start += len(chunk)
    if start != len(matrix):
        raise IntegrityError(f"{path}: {name}: {start} rows, expected {len(matrix)}; delete it and run again")
    return matrix


def _check(shard: ExpressionShard) -> None:
    for what, ids in (("patient_id", shard.patient_ids), ("gene_id", shard.genes["gene_id"].tolist())):
        if len(set(ids)) != len(ids):
            raise BadInputError(f"expression shard: {what}: an id occurs twice, expected unique ids")
    if shard.patient_ids != sorted(shard.patient_ids):
        raise BadInputError("expression shard: patient_id: not sorted")
    if not np.isfinite(shard.values).all():
        row, column = (int(index) for index in np.argwhere(~np.isfinite(shard.values))[0])
        gene = shard.genes["gene_id"].iloc[column]
        raise BadInputError(f"expression shard: {shard.patient_ids[row]}, gene {gene}: {shard.values[row, column]}")
