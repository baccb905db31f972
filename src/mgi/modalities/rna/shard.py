"""Put the expression of all patients into one shard: unscaled, on one gene index."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mgi.cohort.duplicates import DuplicateCheck, digest_of_values
from mgi.core.errors import BadInputError, ConfigError
from mgi.locks.lock import check_table
from mgi.locks.raw_index import RawEntry
from mgi.modalities.rna.filter import AS_GIVEN
from mgi.modalities.rna.matrix import read_labelled_matrix
from mgi.modalities.rna.modality import POSITIONS
from mgi.modalities.rna.positions import read_positions, with_positions, without_positions
from mgi.modalities.rna.star_cohort import UNITS, StarCohort
from mgi.modalities.sharding import ShardJob
from mgi.shards.expression_shard import describe_expression, expression_writer


def shard(job: ShardJob) -> str:
    """Write values of all patients, the genes that they share, and the description last."""
    chosen = sorted(job.usable(), key=lambda entry: entry.patient_id)
    stored = job.settings["unit"]
    lock = job.lock
    genes, metadata = _shard_table(job, chosen) if lock.table is not None else _shard_star_files(job, chosen)
    genes = genes.assign(gene_index=np.arange(len(genes), dtype=np.int32))
    if POSITIONS in job.inputs:
        genes, metadata["genes_placed"] = with_positions(genes, read_positions(job.inputs[POSITIONS]))
    else:
        genes = without_positions(genes)
    values, features, dataset = (job.outputs[name] for name in ("values", "features", "dataset"))
    metadata |= {"modality": lock.modality, "source": lock.source, "simulated": lock.simulated}
    describe_expression(values, features, dataset, genes, **metadata)
    placed = f"positions: {metadata['genes_placed']}; " if POSITIONS in job.inputs else ""
    unit = AS_GIVEN if lock.table is not None else UNITS[stored]
    return f"{placed}{len(chosen)} patients, {len(genes)} genes, {unit}"


def _shard_star_files(job: ShardJob, chosen: list[RawEntry]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One file in memory at a time; the shard has counts whatever its values are."""
    stored = job.settings["unit"]
    cohort = StarCohort(chosen[0].verified_path())
    duplicates = DuplicateCheck("expression in every gene")
    with expression_writer(job.outputs["values"], cohort.genes, UNITS[stored], with_counts=True) as writer:
        for entry in chosen:
            profile = cohort.read(entry.verified_path(), stored)
            duplicates.add(entry.patient_id, digest_of_values(profile.counts))
            writer.add(entry.patient_id, profile.values, profile.counts)
    metadata = {
        "gene_model": cohort.gene_model,
        "par_y_rows_dropped": cohort.n_par_y_dropped,
        "repeated_gene_names": cohort.n_repeated_names,
    }
    return cohort.genes, metadata


def _shard_table(job: ShardJob, chosen: list[RawEntry]) -> tuple[pd.DataFrame, dict[str, Any]]:
    if job.settings["unit"] != "tpm":
        found = job.settings["unit"]
        raise ConfigError(f"modalities.rna.unit: found {found}, but a table is stored as given")
    path = job.own_table("table")
    table = check_table(Path(path), job.lock.table)
    matrix = read_labelled_matrix(path)
    row_of = {sample: row for row, sample in enumerate(matrix.samples)}
    if absent := [entry.key for entry in chosen if entry.key not in row_of]:
        raise BadInputError(f"{path}: sample {absent[0]}: missing, though the lock lists it")
    duplicates = DuplicateCheck("expression in every gene")
    with expression_writer(job.outputs["values"], matrix.genes, AS_GIVEN, with_counts=False) as writer:
        for entry in chosen:
            values = np.ascontiguousarray(matrix.values[row_of[entry.key]])
            duplicates.add(entry.patient_id, digest_of_values(values))
            writer.add(entry.patient_id, values)
    metadata = {"table_sha256": table.sha256, "layout": matrix.layout, "gene_labels": matrix.gene_labels}
    return matrix.genes, {**metadata, "columns_not_used": list(matrix.ignored), "genes_dropped": matrix.dropped}
