"""Choose, order and scale one fold's genes on its training patients alone."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.split import TRAIN, UNPAIRED_EXPRESSION
from mgi.cohort.tables import patients_with_role, read_split
from mgi.core.scratch_table import ScratchTable
from mgi.modalities.rna.gene_labels import AMBIGUOUS, BY_OTHER_NAME, GeneIndex
from mgi.modalities.rna.gene_sets import read_gene_list
from mgi.modalities.rna.normalise import fit, with_components, write_fitted_genes
from mgi.modalities.rna.scaled_blocks import scaled_blocks
from mgi.modalities.rna.settings import FitSettings
from mgi.modalities.rna.value_scale import patients_out_of_scale, some_genes
from mgi.shards.expression_shard import open_expression


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--expression-shard", required=True, help="its dataset.json")
    options.add_argument("--split", required=True, help="the split, Parquet")
    options.add_argument("--fold", required=True, type=int, help="the fold, from 0")
    options.add_argument("--settings", required=True, help="the config section `modalities.rna.fit`, as JSON")
    options.add_argument("--gene-list", help="one gene id or name a line, for gene_filter list")
    options.add_argument("--output", required=True, help="the fold's genes, Parquet")


def run(args: argparse.Namespace) -> None:
    settings = FitSettings.read(args.settings, where="modalities.rna.fit")
    shard, scratch = open_expression(args.expression_shard), Path(args.output).parent
    split, where = read_split(args.split), f"{args.expression_shard}: fold {args.fold}"
    train_ids = patients_with_role(split, args.fold, TRAIN)
    rows = shard.rows_of(train_ids, where)
    listed = read_gene_list(args.gene_list) if args.gene_list else None
    values = _on_disk(shard.row_groups(wanted=rows), rows, len(shard.genes), scratch, np.float32)
    counts = None
    if settings.gene_filter == "filter_by_expr" and shard.has_counts:
        counts = _on_disk(shard.row_groups("counts", rows), rows, len(shard.genes), scratch, np.uint32)
    fitted = fit(values, shard.genes, settings, train_ids, unit=shard.unit, counts=counts, listed=listed)
    if settings.components:
        trained = [*rows, *shard.rows_of(patients_with_role(split, args.fold, UNPAIRED_EXPRESSION), where)]
        blocks = scaled_blocks(shard, fitted, trained)
        scaled = _on_disk(blocks, trained, len(fitted.gene_ids), scratch, np.float32)
        fitted = with_components(fitted, scaled, settings.components)
    write_fitted_genes(args.output, fitted)
    index = GeneIndex(shard.genes["gene_id"].tolist(), shard.genes["gene_name"].tolist())
    told = {AMBIGUOUS: "names of several genes, all of them taken", BY_OTHER_NAME: "found under their other name"}
    for way, what in told.items():
        if labels := index.known(way, listed or ()):
            print(f"{len(labels)} listed {what}: {', '.join(labels[:5])}")
    for line in patients_out_of_scale(_some_columns(values, scratch), train_ids):
        print(f"fold {args.fold}: {line}")
    print(f"fold {args.fold}: {len(fitted.gene_ids)} of {len(shard.genes)} genes, fitted on {fitted.n_train} patients")


def _some_columns(values: ScratchTable, scratch: Path) -> ScratchTable:
    """The genes that tell a patient's scale."""
    chosen = some_genes(values.shape[1])
    table = ScratchTable(scratch, (len(values), len(range(values.shape[1])[chosen])))
    row = 0
    for block in values.row_blocks():
        table.write(row, block[:, chosen])
        row += len(block)
    return table


def _on_disk(
    blocks: Iterable[tuple[NDArray[np.int64], NDArray[Any]]],
    rows: Sequence[int],
    width: int,
    scratch: Path,
    dtype: type[np.generic],
) -> ScratchTable:
    """Some rows of the shard, from blocks of them, in the order given."""
    table, place = ScratchTable(scratch, (len(rows), width), dtype), {row: number for number, row in enumerate(rows)}
    for numbers, values in blocks:
        for row, own in zip(numbers.tolist(), values, strict=True):
            table.write(place[row], own)
    return table
