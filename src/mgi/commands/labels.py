"""Lay the labels of patients (classes, survival, age, sex) beside the cohort, and say who has none and why."""

import argparse
from pathlib import Path

from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.gdc_cases import labels_of_cases, read_cases
from mgi.cohort.labels.labels import Labels
from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.labels.user_table import read_label_table
from mgi.cohort.tables import read_cohort
from mgi.core.errors import BadInputError, ConfigError


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--cohort", required=True, help="the cohort, Parquet")
    options.add_argument("--settings", required=True, help="the configuration's section `labels`, as JSON")
    options.add_argument("--table", help="the user's own table (overrides the one in the settings)")
    options.add_argument("--cases", help="cases of the GDC, for source gdc")
    options.add_argument("--output", required=True, help="the labels, Parquet")
    options.add_argument("--tsv", required=True, type=Path, help="the same as text")


def run(args: argparse.Namespace) -> None:
    chosen = LabelSettings.read(args.settings, where="labels")
    labels = _labels(chosen, args.table, args.cases)
    cohort = read_cohort(args.cohort).table
    found = labels.beside(cohort["patient_id"].tolist(), simulated=bool(cohort["simulated"].any()))
    for line in found.summary():
        print(line)
    for fault in found.faults():
        if chosen.source == "table":  # whose columns somebody named; what the GDC has not is no mistake of the user's
            raise BadInputError(fault)
        print(fault)
    write_labels(
        found,
        args.output,
        args.tsv,
        read_off=chosen.read_off,
        refuses_circular=chosen.circular == "refuse",
        made_from=[args.cohort, *filter(None, [args.cases])],
    )


def _labels(chosen: LabelSettings, table: str | None, cases: str | None) -> Labels:
    if chosen.source == "gdc":
        if cases is None:
            raise ConfigError("--cases: found nothing, expected the cases of the GDC for labels.source gdc")
        return labels_of_cases(read_cases(cases), cases)
    if chosen.source is None or chosen.table is None:
        raise ConfigError("labels.source: found null, expected table or gdc")
    return read_label_table(Path(table or chosen.table), chosen)
