"""Score one run's predictions in every definition of its task, patient by patient."""

import argparse
from pathlib import Path

import pyarrow as pa

from mgi.core.run import ENTRY
from mgi.evaluation.patient_scores import SCORES
from mgi.shards.dataset_manifest import dataset_of
from mgi.shards.parquet import run_in, write_table
from mgi.tasks.scoring import scoring_of


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--predictions", type=Path, required=True, help="predictions of one run (Parquet)")
    options.add_argument("--image-shard", type=Path, required=True, help="dataset.json of the image shard")
    options.add_argument("--output", type=Path, required=True, help="a score per patient and definition (Parquet)")


def run(args: argparse.Namespace) -> None:
    run = run_in(args.predictions)
    of_run = {"run": run.key, "task": run.task, "method": run.label, "fold": run.fold, "seed": run.seed}
    rows = [
        {**of_run, "expression_input": given, "patient_id": patient, "definition": definition, "value": value}
        for patient, given, scores in scoring_of(run.task).score(args.predictions, args.image_shard, run)
        for definition, value in scores.items()
    ]
    rows.sort(key=lambda row: (row["expression_input"], row["patient_id"], row["definition"]))
    table = pa.Table.from_pylist(rows, schema=SCORES.with_metadata({ENTRY: run.as_json()}))
    write_table(args.output, table, [args.predictions, dataset_of(args.image_shard)])
