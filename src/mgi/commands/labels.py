"""Lay the labels of patients (classes, survival, age, sex) beside the cohort, and say who has none and why."""

import argparse
from pathlib import Path

from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.labels.user_table import read_label_table
from mgi.cohort.tables import read_cohort
from mgi.core.errors import BadInputError, ConfigError


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--cohort", required=True, help="the cohort, Parquet")
    options.add_argument("--settings", required=True, help="the configuration's section `labels`, as JSON")
    options.add_argument("--output", required=True, help="the labels, Parquet")
    options.add_argument("--tsv", required=True, type=Path, help="the same as text")


def run(args: argparse.Namespace) -> None:
    chosen = LabelSettings.read(args.settings, where="labels")
    if chosen.table is None:
        raise ConfigError("labels.source: found null, expected table")
    cohort = read_cohort(args.cohort).table
    labels = read_label_table(Path(chosen.table), chosen)
    found = labels.beside(cohort["patient_id"].tolist(), simulated=bool(cohort["simulated"].any()))
    for line in found.summary():
        print(line)
    for fault in found.faults():
        raise BadInputError(fault)
    write_labels(found, args.output, args.tsv, made_from=[args.cohort])
