"""List everything that a modality's source has on offer, and choose one item per patient with what belongs to it."""

import argparse
from importlib import import_module

from mgi.commands._modalities import add_modality_options
from mgi.commands._service import service_for
from mgi.core.errors import BadInputError
from mgi.core.files import write_json
from mgi.core.section import as_mapping
from mgi.locks.lock import as_json
from mgi.locks.source import NobodyKeptError, follow, refuse_if_nobody
from mgi.modalities.fetching import opened
from mgi.modalities.registry import modality


def add_options(options: argparse.ArgumentParser) -> None:
    add_modality_options(options)
    options.add_argument("--output", required=True, help="the lock, JSON")


def run(args: argparse.Namespace) -> None:
    kind, given = modality(args.modality), as_mapping(args.settings, "--settings")
    with opened(kind, given, archive=args.archive, table=args.table, serve=service_for) as (chosen, source):
        if chosen.lock is not None:
            lock = follow(source, chosen.lock, modality=kind.name, name=chosen.source)
            notes: tuple[str, ...] = ()
        else:
            listing = source.discover()
            notes = listing.notes
            try:
                lock = source.lock(listing)
            except BadInputError as error:  # what was left out may be why nothing is left
                raise BadInputError("; ".join([str(error), *notes])) from None
    write_json(args.output, as_json(lock))
    for line in (*notes, *import_module(kind.fetching).summary(lock)):
        print(f"{lock.source}: {line}")
    try:
        refuse_if_nobody(lock, kind.companions, args.output)
    except NobodyKeptError as error:  # the cohort says whether that matters
        print(f"{lock.source}: {error}")
