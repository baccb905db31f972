"""Score one run's predictions in every definition of its task, patient by patient."""

import argparse
from pathlib import Path

import pyarrow as pa

from mgi.cohort.labels.file import read_labels
from mgi.cohort.split import TRAIN, VALIDATION
from mgi.cohort.tables import patients_with_role, read_split
from mgi.core.errors import ConfigError
from mgi.core.run import ENTRY, Run
from mgi.evaluation.patient_scores import SCORES
from mgi.shards.dataset_manifest import dataset_of
from mgi.shards.parquet import run_in, write_table
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.registry import reads_labels
from mgi.tasks.scoring import scores_in


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--predictions", type=Path, required=True, help="predictions of one run (Parquet)")
    options.add_argument("--image-shard", type=Path, required=True, help="dataset.json of the image shard")
    options.add_argument("--labels", type=Path, help="labels of the cohort, for a task of labels")
    options.add_argument("--split", type=Path, help="table with the fold's roles, for a task of labels")
    options.add_argument("--output", type=Path, required=True, help="a score per patient and definition (Parquet)")


def run(args: argparse.Namespace) -> None:
    run = run_in(args.predictions)
    labels = _labels(args, run) if reads_labels(run.task) else None
    of_run = {"run": run.key, "task": run.task, "method": run.label, "fold": run.fold, "seed": run.seed}
    rows = [
        {**of_run, "expression_input": given, "patient_id": patient, "definition": definition, "value": value}
        for patient, given, scores in scores_in(args.predictions, args.image_shard, run, labels)
        for definition, value in scores.items()
    ]
    rows.sort(key=lambda row: (row["expression_input"], row["patient_id"], row["definition"]))
    table = pa.Table.from_pylist(rows, schema=SCORES.with_metadata({ENTRY: run.as_json()}))
    sources = [args.predictions, dataset_of(args.image_shard), *([args.labels, args.split] if labels else [])]
    write_table(args.output, table, sources)


def _labels(args: argparse.Namespace, run: Run) -> LabelledPatients:
    """The labels, with the patients on whom the run was trained: of them it is known how patients are censored."""
    for name in ("labels", "split"):
        if vars(args)[name] is None:
            raise ConfigError(f"--{name}: missing, expected it for the task {run.task}")
    split = read_split(args.split)
    training, validation = (patients_with_role(split, run.fold, role) for role in (TRAIN, VALIDATION))
    labels, where = read_labels(args.labels), str(args.labels)
    return LabelledPatients(labels=labels, where=where, fold=run.fold, training=training, validation=validation)
