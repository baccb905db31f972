"""Put the expression of all patients into one shard: unscaled, on one gene index."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mgi.cohort.duplicates import DuplicateCheck, digest_of_values
from mgi.core.errors import BadInputError, ConfigError
from mgi.locks.lock import ExpressionItem, ExpressionLock, read_lock
from mgi.locks.raw_index import RawItem, read_raw_indexes
from mgi.locks.user_table import check_table
from mgi.modalities.rna.filter import AS_GIVEN
from mgi.modalities.rna.matrix import read_labelled_matrix
from mgi.modalities.rna.positions import read_positions, with_positions, without_positions
from mgi.modalities.rna.star_cohort import SCALES, StarCohort
from mgi.shards.expression_shard import describe_expression, expression_writer


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lock", required=True, help="lock of the expression source, JSON")
    options.add_argument("--index", required=True, nargs="+", help="indexes of all fetched batches, JSON")
    options.add_argument("--stored", choices=SCALES, default="tpm", help="which column of the STAR files is stored")
    options.add_argument("--table", help="the user's own table, for source matrix")
    options.add_argument("--positions", help="gene positions, TSV with gene_id, chromosome, start")
    options.add_argument("--values", required=True, help="values.parquet of the shard")
    options.add_argument("--genes", required=True, help="genes.parquet of the shard")
    options.add_argument("--dataset", required=True, help="dataset.json of the shard, written last")
    return options


def run(args: argparse.Namespace) -> None:
    lock = read_lock(args.lock, ExpressionLock)
    raw = read_raw_indexes(args.index, "expression")
    chosen = sorted((item for item in lock.items if item.chosen), key=lambda item: item.patient_id)
    if missing := [item for item in chosen if item.key not in raw]:
        raise BadInputError(f"{missing[0].patient_id}: {missing[0].key}: in no raw index; fetch it again")
    chosen = [item for item in chosen if raw[item.key].rejected is None]
    if not chosen:
        raise BadInputError(f"{args.lock}: no chosen profile that can serve, expected one per patient")
    if lock.source == "matrix":
        genes, stated = _shard_table(args, lock, chosen)
    else:
        genes, stated = _shard_star_files(args, chosen, raw)
    genes = genes.assign(gene_index=np.arange(len(genes), dtype=np.int32))
    if args.positions:
        genes, stated["genes_placed"] = with_positions(genes, read_positions(args.positions))
        print(f"positions: {stated['genes_placed']}")
    else:
        genes = without_positions(genes)
    describe_expression(
        args.values, args.genes, args.dataset, genes, source=lock.source, simulated=lock.simulated, **stated
    )
    print(f"{len(chosen)} patients, {len(genes)} genes, {AS_GIVEN if lock.source == 'matrix' else SCALES[args.stored]}")


def _shard_star_files(
    args: argparse.Namespace, chosen: list[ExpressionItem], raw: dict[str, RawItem]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One file in memory at a time; the shard has counts whatever its values are."""
    cohort = StarCohort(raw[chosen[0].key].verified_path())
    duplicates = DuplicateCheck("expression in every gene")
    with expression_writer(args.values, cohort.genes, SCALES[args.stored], with_counts=True) as writer:
        for item in chosen:
            profile = cohort.read(raw[item.key].verified_path(), args.stored)
            duplicates.add(item.patient_id, digest_of_values(profile.counts))
            writer.add(item.patient_id, profile.values, profile.counts)
    stated = {
        "gene_model": cohort.gene_model,
        "par_y_rows_dropped": cohort.n_par_y_dropped,
        "repeated_gene_names": cohort.n_repeated_names,
    }
    return cohort.genes, stated


def _shard_table(
    args: argparse.Namespace, lock: ExpressionLock, chosen: list[ExpressionItem]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    if args.stored != "tpm":
        raise ConfigError(f"modalities.rna.unit: found {args.stored}, but a table is stored as given")
    if args.table is None or lock.table is None:
        raise ConfigError("--table: missing, expected the table that the lock was made from")
    check_table(Path(args.table), lock.table)
    matrix = read_labelled_matrix(args.table)
    place = {sample: row for row, sample in enumerate(matrix.samples)}
    if absent := [item.key for item in chosen if item.key not in place]:
        raise BadInputError(f"{args.table}: sample {absent[0]}: missing, though the lock lists it")
    duplicates = DuplicateCheck("expression in every gene")
    with expression_writer(args.values, matrix.genes, AS_GIVEN, with_counts=False) as writer:
        for item in chosen:
            values = np.ascontiguousarray(matrix.values[place[item.key]])
            duplicates.add(item.patient_id, digest_of_values(values))
            writer.add(item.patient_id, values)
    stated = {"table_sha256": lock.table.sha256, "layout": matrix.layout, "gene_labels": matrix.gene_labels}
    return matrix.genes, {**stated, "columns_not_used": list(matrix.ignored), "genes_dropped": matrix.dropped}
