"""Bring one batch of the locked image series into place, verified slice by slice, and index them."""

import argparse
from pathlib import Path

from mgi.commands._image_source import image_source
from mgi.commands._service import add_source_options
from mgi.core.files import write_json
from mgi.core.settings import parse
from mgi.locks.batch import fetch_batch
from mgi.locks.lock import ImageLock, batch_of, read_lock
from mgi.modalities.flair.settings import FlairSettings


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    add_source_options(options)
    options.add_argument("--lock", required=True, help="the lock to follow, JSON")
    options.add_argument("--batch", required=True, help="which part of the lock, such as 1-of-4")
    options.add_argument("--output", required=True, help="index of the batch, JSON; the series go beside it")
    return options


def run(args: argparse.Namespace) -> None:
    chosen = parse(FlairSettings, args.settings, where="modalities.flair")
    lock = read_lock(args.lock, ImageLock, source=chosen.source)
    items = batch_of(lock.items, args.batch)
    folder = Path(args.output).parent
    with image_source(chosen, archive=args.archive, table=args.table) as source:
        source.admit(lock)
        entries = fetch_batch(source, items, folder, threads=chosen.threads, label=f"images {args.batch}")
    index = {"kind": "images", "source": lock.source, "items": [entry.as_json() for entry in entries]}
    write_json(args.output, index)
    for entry in entries:
        if entry.rejected is not None:
            print(f"{entry.patient_id} {entry.key}: rejected, {entry.rejected}")
    print(f"{lock.source}: {len(entries)} series of batch {args.batch} in place")
