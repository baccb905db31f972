"""List everything that a modality's source has on offer, and choose one item per patient with what belongs to it."""

import argparse
from dataclasses import replace
from importlib import import_module

from mgi.commands._modalities import add_modality_options
from mgi.commands._service import service_for
from mgi.core.errors import BadInputError
from mgi.core.files import write_json
from mgi.core.ids import sample_of
from mgi.core.section import as_mapping
from mgi.locks.lock import as_json, read_lock
from mgi.locks.samples import NO_SAMPLES, Samples
from mgi.locks.source import NobodyKeptError, follow, refuse_if_nobody
from mgi.modalities.fetching import opened
from mgi.modalities.registry import modality


def add_options(options: argparse.ArgumentParser) -> None:
    add_modality_options(options)
    options.add_argument(
        "--same-sample-as", help="lock of the modality whose sample of a patient is preferred where there are several"
    )
    options.add_argument("--output", required=True, help="the lock, JSON")


def run(args: argparse.Namespace) -> None:
    kind, given = modality(args.modality), as_mapping(args.settings, "--settings")
    with opened(kind, given, archive=args.archive, table=args.table, serve=service_for) as (chosen, source):
        if chosen.lock is not None:
            lock = follow(source, chosen.lock, modality=kind.name, name=chosen.source)
            notes: tuple[str, ...] = ()
        else:
            listing = replace(source.discover(), samples=_samples(args.same_sample_as))
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


def _samples(path: str | None) -> Samples:
    """The samples of the chosen items of a lock, by patient, as far as their labels name one."""
    if path is None:
        return NO_SAMPLES
    lock = read_lock(path)
    own = {item.patient_id: sample_of(item.sample or "") for item in lock.chosen if item.role == lock.modality}
    return Samples(modality=lock.modality, of={patient: sample for patient, sample in own.items() if sample})
