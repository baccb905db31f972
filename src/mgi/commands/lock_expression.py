"""List every expression profile on offer and choose one per patient."""

import argparse

from mgi.commands._expression_source import expression_source
from mgi.commands._service import add_source_options
from mgi.core.files import write_json
from mgi.core.settings import parse
from mgi.locks.lock import ExpressionLock, as_json, read_lock
from mgi.modalities.rna.settings import RnaSettings
from mgi.modalities.rna.sources.gdc_listing import check_file_count


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    add_source_options(options)
    options.add_argument("--output", required=True, help="the lock, JSON")
    return options


def run(args: argparse.Namespace) -> None:
    chosen = parse(RnaSettings, args.settings, where="modalities.rna")
    with expression_source(chosen, archive=args.archive, table=args.table) as source:
        if chosen.lock is not None:
            lock = read_lock(chosen.lock, ExpressionLock, source=chosen.source)
            source.admit(lock)
        else:
            listing = source.discover()
            if chosen.source == "gdc":
                check_file_count(len(listing.rows), chosen.expected_files, chosen.project)
            lock = source.lock(listing)
    write_json(args.output, as_json(lock))
    n_chosen = sum(item.chosen for item in lock.items)
    print(f"{lock.source}: {len(lock.items)} profiles, {n_chosen} chosen, release {lock.release or 'not stated'}")
