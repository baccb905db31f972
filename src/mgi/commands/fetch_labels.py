"""Ask the GDC for the cases of a project, and keep what it says."""

import argparse

from mgi.cohort.labels.gdc_cases import kept_cases, search_cases
from mgi.cohort.labels.settings import LabelSettings
from mgi.commands._service import service_for
from mgi.core.errors import ConfigError
from mgi.core.files import write_json
from mgi.core.text import printable


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--settings", required=True, help="the configuration's section `labels`, as JSON")
    options.add_argument("--archive", help="folder of a simulated archive, served locally instead of the real services")
    options.add_argument("--output", required=True, help="the cases, JSON")


def run(args: argparse.Namespace) -> None:
    chosen = LabelSettings.read(args.settings, where="labels")
    if chosen.source != "gdc":
        raise ConfigError(f"labels.source: found {chosen.source or 'null'}, expected gdc")
    if chosen.lock is not None:
        found = kept_cases(chosen.lock, chosen, simulated=args.archive is not None)
    else:
        with service_for(args.archive, "", chosen.base_url, chosen) as service:
            found = search_cases(service, chosen.project, simulated=args.archive is not None)
    write_json(args.output, found)
    print(f"{len(found['cases'])} cases of {chosen.project}, {printable(found['release'] or 'release not stated')}")
