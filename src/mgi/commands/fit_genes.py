"""Choose, order and scale one fold's genes on its training patients alone."""

import argparse

from mgi.cohort.split import TRAIN, UNPAIRED_EXPRESSION
from mgi.cohort.tables import patients_with_role, read_split
from mgi.modalities.rna.gene_labels import AMBIGUOUS, BY_OTHER_NAME, GeneIndex
from mgi.modalities.rna.gene_sets import read_gene_list
from mgi.modalities.rna.normalise import fit, with_components, write_fitted_genes
from mgi.modalities.rna.settings import FitSettings
from mgi.modalities.rna.value_scale import patients_out_of_scale, some_genes
from mgi.shards.expression_shard import read_expression


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--expression-shard", required=True, help="its dataset.json")
    options.add_argument("--split", required=True, help="the split, Parquet")
    options.add_argument("--fold", required=True, type=int, help="the fold, from 0")
    options.add_argument("--settings", required=True, help="the config section `modalities.rna.fit`, as JSON")
    options.add_argument("--gene-list", help="one gene id or name a line, for gene_filter list")
    options.add_argument("--output", required=True, help="the fold's genes, Parquet")


def run(args: argparse.Namespace) -> None:
    settings = FitSettings.read(args.settings, where="modalities.rna.fit")
    shard = read_expression(args.expression_shard, counts=settings.gene_filter == "filter_by_expr")
    split, where = read_split(args.split), f"{args.expression_shard}: fold {args.fold}"
    train_ids = patients_with_role(split, args.fold, TRAIN)
    rows = shard.rows_of(train_ids, where)
    listed = read_gene_list(args.gene_list) if args.gene_list else None
    fitted = fit(
        shard.values[rows],
        shard.genes,
        settings,
        train_ids,
        unit=shard.unit,
        counts=None if shard.counts is None else shard.counts[rows],
        listed=listed,
    )
    if settings.components:
        unpaired = shard.rows_of(patients_with_role(split, args.fold, UNPAIRED_EXPRESSION), where)
        fitted = with_components(fitted, shard.values[[*rows, *unpaired]], settings.components)
    write_fitted_genes(args.output, fitted)
    index = GeneIndex(shard.genes["gene_id"].tolist(), shard.genes["gene_name"].tolist())
    told = {AMBIGUOUS: "names of several genes, all of them taken", BY_OTHER_NAME: "found under their other name"}
    for way, what in told.items():
        if labels := index.known(way, listed or ()):
            print(f"{len(labels)} listed {what}: {', '.join(labels[:5])}")
    some = shard.values[:, some_genes(len(shard.genes))][rows]
    for line in patients_out_of_scale(some, train_ids):
        print(f"fold {args.fold}: {line}")
    print(f"fold {args.fold}: {len(fitted.gene_ids)} of {len(shard.genes)} genes, fitted on {fitted.n_train} patients")
