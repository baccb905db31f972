"""Put the expression of all patients into one shard: unscaled, on one gene index."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mgi.cohort.raw_index import read_raw_indexes
from mgi.commands._locks import any_lock
from mgi.core.errors import BadInputError, ConfigError
from mgi.expression.filter import AS_GIVEN, LOG_TPM
from mgi.expression.matrix import read_matrix
from mgi.expression.positions import read_positions, with_positions
from mgi.expression.star_cohort import read_star_cohort
from mgi.shards.expression_shard import ExpressionShard, write_expression
from mgi.shards.twins import TwinGuard
from mgi.sources.lock import ExpressionItem, ExpressionLock
from mgi.sources.user_table import check_table


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lock", required=True, help="lock of the expression source, JSON")
    options.add_argument("--index", required=True, nargs="+", help="indexes of all fetched batches, JSON")
    options.add_argument("--table", help="the user's own table, for source matrix")
    options.add_argument("--positions", help="gene positions, TSV with gene_id, chromosome, start")
    options.add_argument("--values", required=True, help="values.parquet of the shard")
    options.add_argument("--genes", required=True, help="genes.parquet of the shard")
    options.add_argument("--dataset", required=True, help="dataset.json of the shard, written last")
    return options


def run(args: argparse.Namespace) -> None:
    lock = any_lock(args.lock, ExpressionLock)
    raw = read_raw_indexes(args.index, "expression")
    chosen = sorted((item for item in lock.items if item.chosen), key=lambda item: item.patient_id)
    if missing := [item for item in chosen if item.key not in raw]:
        raise BadInputError(f"{missing[0].patient_id}: {missing[0].key}: in no raw index; fetch it again")
    chosen = [item for item in chosen if raw[item.key].rejected is None]
    if lock.source == "matrix":
        values, genes, stated = _from_table(args.table, lock, chosen)
    else:
        cohort = read_star_cohort(raw[item.key].verified_path() for item in chosen)
        values, genes = cohort.values, cohort.genes
        stated = {"gene_model": cohort.gene_model, "par_y_rows_dropped": cohort.n_par_y_dropped}
    shard = ExpressionShard(
        patient_ids=[item.patient_id for item in chosen],
        values=values,
        genes=with_positions(genes, read_positions(args.positions) if args.positions else None),
        scale=AS_GIVEN if lock.source == "matrix" else LOG_TPM,
        simulated=lock.simulated,
    )
    twins = TwinGuard("expression in every gene")
    for patient, row in zip(shard.patient_ids, shard.values, strict=True):
        twins.admit(patient, row)
    write_expression(shard, args.values, args.genes, args.dataset, source=lock.source, **stated)
    print(f"{len(chosen)} patients, {len(genes)} genes, {shard.scale}")


def _from_table(
    table: str | None, lock: ExpressionLock, chosen: list[ExpressionItem]
) -> tuple[Any, pd.DataFrame, dict[str, Any]]:
    if table is None or lock.table is None:
        raise ConfigError("--table: missing, expected the table that the lock was made from")
    check_table(Path(table), lock.table)
    matrix = read_matrix(table)
    if absent := [item.key for item in chosen if item.key not in matrix.index]:
        raise BadInputError(f"{table}: sample {absent[0]}: missing, though the lock lists it")
    names = [str(name) for name in matrix.columns]
    genes = pd.DataFrame({"gene_id": names, "gene_name": names, "gene_type": None})
    values = matrix.loc[[item.key for item in chosen]].to_numpy(np.float32)
    return values, genes, {"table_sha256": lock.table.sha256, "par_y_rows_dropped": 0}
