"""Put the expression of all patients into one shard: unscaled, on one gene index."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.cohort.duplicates import DuplicateCheck, digest_of_values
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.gene_ids import is_copy_on_y, without_version
from mgi.core.repeats import first_repeated
from mgi.core.sidecar import sidecar_of, verified
from mgi.locks.lock import check_table
from mgi.locks.raw_index import RawEntry
from mgi.modalities.rna.filter import AS_GIVEN
from mgi.modalities.rna.matrix import read_labelled_matrix
from mgi.modalities.rna.modality import ANNOTATED, POSITIONS
from mgi.modalities.rna.positions import read_positions, with_positions
from mgi.modalities.rna.star import UNITS, Stored, column_of, read_star, require_same_genes
from mgi.modalities.rna.value_scale import patients_out_of_scale, some_genes
from mgi.modalities.sharding import ShardJob
from mgi.shards.expression_shard import Row, describe_expression, write_values

_log = logging.getLogger(__name__)
_LARGEST_COUNT = np.iinfo(np.uint32).max


def shard(job: ShardJob) -> str:
    """Write values of all patients, the genes that they share, and the description last."""
    chosen = sorted(job.usable(), key=lambda entry: entry.patient_id)
    stored = job.settings["unit"]
    lock = job.lock
    genes, metadata = _shard_table(job, chosen) if lock.table is not None else _shard_star_files(job, chosen)
    genes = genes.assign(gene_index=np.arange(len(genes), dtype=np.int32))
    positions = _positions(job)
    if positions is not None:
        genes, metadata["genes_placed"] = with_positions(genes, read_positions(positions))
    else:
        genes = genes.assign(chromosome=None, start=pd.array([pd.NA] * len(genes), dtype="Int64"))
    values, features, dataset = (job.outputs[name] for name in ("values", "features", "dataset"))
    metadata |= {"modality": lock.modality, "source": lock.source, "simulated": lock.simulated}
    describe_expression(values, features, dataset, genes, **metadata)
    placed = f"positions: {metadata['genes_placed']}; " if positions is not None else ""
    unit = AS_GIVEN if lock.table is not None else UNITS[stored]
    return f"{placed}{len(chosen)} patients, {len(genes)} genes, {unit}"


def _positions(job: ShardJob) -> Path | None:
    """The table that says where genes lie, if any; one of ours has a digest beside it, which is checked."""
    if (path := job.inputs.get(POSITIONS)) is None:
        return None
    ours = Path(path).match(ANNOTATED) or sidecar_of(path).is_file()
    return verified(path) if ours else Path(path)


def _shard_star_files(job: ShardJob, chosen: list[RawEntry]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One file in memory at a time; the shard has counts whatever its values are."""
    stored = job.settings["unit"]
    cohort = StarCohort(chosen[0].verified_path())
    duplicates = DuplicateCheck("expression in every gene")

    def rows() -> Iterator[Row]:
        for entry in chosen:
            values, counts = cohort.read(entry.verified_path(), stored)
            duplicates.add(entry.patient_id, digest_of_values(counts))
            yield entry.patient_id, values, counts

    write_values(job.outputs["values"], cohort.genes, UNITS[stored], rows(), with_counts=True)
    return cohort.genes, cohort.metadata


def _shard_table(job: ShardJob, chosen: list[RawEntry]) -> tuple[pd.DataFrame, dict[str, Any]]:
    if job.settings["unit"] != "tpm":
        found = job.settings["unit"]
        raise ConfigError(f"modalities.rna.unit: found {found}, but a table is stored as given")
    path = job.own_table("table")
    table = check_table(Path(path), job.lock.table)
    matrix = read_labelled_matrix(path, job.settings.get("ignore", ()))
    row_of = {sample: row for row, sample in enumerate(matrix.samples)}
    if absent := [entry.key for entry in chosen if entry.key not in row_of]:
        raise BadInputError(f"{path}: sample {absent[0]}: missing, though the lock lists it")
    duplicates = DuplicateCheck("expression in every gene")
    values = {entry.patient_id: matrix.values[row_of[entry.key]] for entry in chosen}
    for patient, own in values.items():
        duplicates.add(patient, digest_of_values(own))
    rows = ((patient, own, None) for patient, own in values.items())
    write_values(job.outputs["values"], matrix.genes, AS_GIVEN, rows, with_counts=False)
    patients = list(values)
    few = matrix.values[:, some_genes(len(matrix.genes))]
    odd = patients_out_of_scale(few[[row_of[entry.key] for entry in chosen]], patients)
    for line in odd:
        _log.warning("%s: %s", Path(path).name, line)
    metadata = {"table_sha256": table.sha256, "layout": matrix.layout, "gene_labels": matrix.gene_labels}
    return matrix.genes, {
        **metadata,
        "columns_not_used": list(matrix.ignored),
        "genes_dropped": matrix.dropped,
        "notes": [matrix.scale, *matrix.notes, *odd],
    }


class StarCohort:
    """The gene index of the first file, which every other file must have.

    `genes` has gene_id (versioned), gene_name, gene_type in the files' order, without the
    pseudo-autosomal copies on Y. Names repeat and stay: genes are told apart by id. `metadata` counts both.
    """

    def __init__(self, first: Path) -> None:
        """Raise BadInputError where the file is not in the format, or two of its ids differ by version only."""
        self._first = read_star(first)
        self._copies = np.array([is_copy_on_y(gene) for gene in self._first.gene_ids], bool)
        self.genes = self._first.genes[~self._copies].reset_index(drop=True)
        if (repeated := first_repeated([without_version(gene) for gene in self.genes["gene_id"]])) is not None:
            raise BadInputError(f"{first}: gene {repeated}: present in two versions, expected one")
        self.metadata = {
            "gene_model": self._first.gene_model,
            "par_y_rows_dropped": int(self._copies.sum()),
            "repeated_gene_names": int(self.genes["gene_name"].duplicated().sum()),
        }

    def read(self, path: Path, stored: Stored) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """Read one patient on the cohort's genes (G,): log2(x + 1) of the chosen column, and unstranded counts.

        Raises BadInputError where it is not in the format, has another gene index, or reads in a copy on Y.
        """
        table = read_star(path, like=self._first)
        require_same_genes(self._first, table, str(path))
        if len(odd := np.flatnonzero(self._copies & (table.counts > 0))):
            # dropping a copy would lose its reads
            raise BadInputError(f"{path}: gene {table.gene_ids[odd[0]]}: has reads, expected a copy without any")
        if table.counts.max() > _LARGEST_COUNT:
            gene = table.gene_ids[int(table.counts.argmax())]
            raise BadInputError(f"{path}: unstranded of {gene}: found {table.counts.max()}, expected fewer than 2**32")
        chosen = column_of(table, stored)[~self._copies]
        return np.log2(chosen + 1.0).astype(np.float32), table.counts[~self._copies].astype(np.uint32)
