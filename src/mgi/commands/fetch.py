"""Bring one batch of a lock's chosen items into place, verified, and index them."""

import argparse
from functools import partial
from pathlib import Path

from mgi.commands._modalities import add_modality_options
from mgi.commands._service import service_for
from mgi.core.section import as_mapping
from mgi.locks.batch import fetch_batch
from mgi.locks.lock import batch_of
from mgi.locks.raw_index import write_raw_index
from mgi.locks.runners_up import fetch_until_settled
from mgi.locks.source import follow
from mgi.modalities.fetching import opened
from mgi.modalities.registry import modality


def add_options(options: argparse.ArgumentParser) -> None:
    add_modality_options(options)
    options.add_argument("--lock", required=True, help="the lock to follow, JSON")
    options.add_argument("--batch", required=True, help="which part of the lock, such as 1-of-4")
    options.add_argument("--output", required=True, help="index of the batch, JSON; the files go beside it")


def run(args: argparse.Namespace) -> None:
    kind, given = modality(args.modality), as_mapping(args.settings, "--settings")
    folder = Path(args.output).parent
    with opened(kind, given, archive=args.archive, table=args.table, serve=service_for) as (chosen, source):
        lock = follow(source, args.lock, modality=kind.name, name=chosen.source)
        items = batch_of(lock.chosen, args.batch)
        bring = partial(fetch_batch, source, folder=folder, threads=chosen.threads, label=f"{kind.name} {args.batch}")
        entries, replaced = fetch_until_settled(lock, items, bring, kind.fits)
    write_raw_index(args.output, kind.name, lock.source, entries)
    for entry in entries:
        if entry.fetched_as is not None:
            print(f"{entry.patient_id}: file {entry.key} was superseded; fetched as {entry.fetched_as}, the same bytes")
        if entry.rejected is not None:
            print(f"{entry.patient_id} {entry.key}: rejected, {entry.rejected}")
    for line in replaced:
        print(line)
    print(f"{lock.source}: {len(entries)} items of batch {args.batch} in place")
