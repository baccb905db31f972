"""Read the user's own table of labels before anything large is fetched: a column that is not there must not wait."""

import argparse
from pathlib import Path

from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.labels.user_table import read_label_table
from mgi.core.errors import ConfigError
from mgi.core.files import write_json


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--settings", required=True, help="the configuration's section `labels`, as JSON")
    options.add_argument("--table", help="the user's own table (overrides the one in the settings)")
    options.add_argument("--output", required=True, help="what was found, JSON")


def run(args: argparse.Namespace) -> None:
    chosen = LabelSettings.read(args.settings, where="labels")
    if chosen.source != "table" or chosen.table is None:
        found = chosen.source or "null"
        raise ConfigError(f"labels.source: found {found}, expected table; fetch-labels asks the GDC")
    labels = read_label_table(Path(args.table or chosen.table), chosen)
    survival = [] if labels.endpoint is None else [labels.endpoint]
    detail = f"{len(labels.patients)} patients with {', '.join([*labels.column_of, *survival])}"
    write_json(args.output, {"kind": "preflight_labels", "format": 1, "source": "table", "detail": detail})
    print(f"labels from table: ready: {detail}")
