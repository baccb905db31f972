"""A fold of a results folder with the encoders that were pre-trained on it, for the benchmarks that judge them."""

import argparse
from pathlib import Path

from mgi.commands._learning import Fold
from mgi.core.files import read_json
from mgi.core.run import prepared_table, run_of
from mgi.training.weights import Weights, load_weights


def pretrained_of(results: Path, number: int, *, seed: int = 0) -> tuple[Fold, Weights]:
    """The fold's patients and the weights of its pre-training run."""
    given = argparse.Namespace(
        image_shard=results / "shards/flair",
        expression_shard=results / "shards/rna",
        fold_genes=results / f"folds/{number}/genes.parquet",
        split=results / "tables/split.parquet",
        prepared=results / prepared_table(read_json(results / "config.json")),
    )
    record = results / f"runs/pretrain-fold{number}-seed{seed}/run.json"
    fold = Fold(given, run_of(read_json(record), str(record)), results)
    return fold, load_weights(record.with_name("weights.safetensors"), genes=fold.gene_ids)
