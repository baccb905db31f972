"""Bring one batch of the locked expression profiles into place, verified, and index them."""

import argparse
from pathlib import Path

from mgi.commands._expression_source import expression_source
from mgi.commands._service import add_source_options
from mgi.core.files import write_json
from mgi.core.settings import parse
from mgi.locks.batch import fetch_batch
from mgi.locks.lock import ExpressionLock, batch_of, read_lock
from mgi.modalities.rna.settings import RnaSettings


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    add_source_options(options)
    options.add_argument("--lock", required=True, help="the lock to follow, JSON")
    options.add_argument("--batch", required=True, help="which part of the lock, such as 1-of-4")
    options.add_argument("--output", required=True, help="index of the batch, JSON; the files go beside it")
    return options


def run(args: argparse.Namespace) -> None:
    chosen = parse(RnaSettings, args.settings, where="modalities.rna")
    lock = read_lock(args.lock, ExpressionLock, source=chosen.source)
    items = batch_of(lock.items, args.batch)
    folder = Path(args.output).parent
    with expression_source(chosen, archive=args.archive, table=args.table) as source:
        source.admit(lock)
        label = f"expression {args.batch}"
        entries = fetch_batch(source, items, folder, threads=chosen.threads, label=label)
    index = {"kind": "expression", "source": lock.source, "items": [entry.as_json() for entry in entries]}
    write_json(args.output, index)
    for entry in entries:
        if entry.fetched_as is not None:
            print(f"{entry.patient_id}: file {entry.key} was superseded; fetched as {entry.fetched_as}, the same bytes")
    print(f"{lock.source}: {len(entries)} profiles of batch {args.batch} in place")
