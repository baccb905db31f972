"""Lay the labels of patients (classes, survival, age, sex) beside the cohort, and say who has none and why."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.gdc_cases import labels_of_cases, read_cases
from mgi.cohort.labels.labels import CohortLabels, Labels
from mgi.cohort.labels.oracles import READ_OFF, compared, with_oracles
from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.labels.user_table import read_label_table
from mgi.cohort.tables import read_cohort
from mgi.commands._modalities import read_pairs
from mgi.core.errors import BadInputError, ConfigError
from mgi.modalities.oracles import oracles_of
from mgi.shards.feature_shard import open_features

_ORACLES_ALONE = Labels(
    patients={}, place="labels.oracles", source="", column_of={}, endpoint=None, survival_source=None
)


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--cohort", required=True, help="the cohort, Parquet")
    options.add_argument("--settings", required=True, help="the configuration's section `labels`, as JSON")
    options.add_argument("--table", help="the user's own table (overrides the one in the settings)")
    options.add_argument("--cases", help="cases of the GDC, for source gdc")
    options.add_argument(
        "--oracles", nargs="+", default=[], metavar="NAME=PATH", help="dataset.json of modalities that tell labels"
    )
    options.add_argument("--output", required=True, help="the labels, Parquet")
    options.add_argument("--tsv", required=True, type=Path, help="the same as text")


def run(args: argparse.Namespace) -> None:
    chosen = LabelSettings.read(args.settings, where="labels")
    labels = _ORACLES_ALONE if chosen.source == "oracles" else _labels(chosen, args.table, args.cases)
    cohort = read_cohort(args.cohort).table
    patients, simulated = cohort["patient_id"].tolist(), bool(cohort["simulated"].any())
    shards = read_pairs(args.oracles, "--oracles")
    if chosen.source != "oracles":
        # Columns of a table were named by somebody; what the GDC has not is no mistake of the user's.
        _say(labels.beside(patients), is_fatal=chosen.source == "table")
    if columns := chosen.oracle_columns:
        told = _told(columns.values(), shards)
        _say(with_oracles(_ORACLES_ALONE, columns, told, patients).beside(patients), is_fatal=False)
        labels = with_oracles(labels, columns, told, patients)
        print("".join(f"{line}\n" for line in compared(labels, columns)), end="")
    found = labels.beside(patients, simulated=simulated)
    write_labels(
        found,
        args.output,
        args.tsv,
        read_off=chosen.told_by,
        refuses_circular=chosen.circular == "refuse",
        made_from=[args.cohort, *filter(None, [args.cases]), *shards.values()],
    )


def _say(found: CohortLabels, *, is_fatal: bool) -> None:
    """Print what was found, and what makes a label useless; raise BadInputError for that where it `is_fatal`."""
    for line in found.summary():
        print(line)
    for fault in found.faults():
        if is_fatal:
            raise BadInputError(fault)
        print(fault)


def _told(oracles: Iterable[str], shards: Mapping[str, str]) -> dict[str, Mapping[str, str | None]]:
    """The class of each patient by the oracle's name."""
    told: dict[str, Mapping[str, str | None]] = {}
    for name in dict.fromkeys(READ_OFF[oracle] for oracle in oracles):
        if name not in shards:
            raise ConfigError(f"--oracles: found nothing of {name}, expected {name}=PATH for labels.oracles")
        told |= oracles_of(name, open_features(shards[name]))
    return told


def _labels(chosen: LabelSettings, table: str | None, cases: str | None) -> Labels:
    if chosen.source == "gdc":
        if cases is None:
            raise ConfigError("--cases: found nothing, expected the cases of the GDC for labels.source gdc")
        return labels_of_cases(read_cases(cases), cases)
    if chosen.source is None or chosen.table is None:
        raise ConfigError("labels.source: found null, expected table or gdc")
    return read_label_table(Path(table or chosen.table), chosen)
