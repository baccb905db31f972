"""List every image series on offer and choose one FLAIR with its masks per patient."""

import argparse

from mgi.commands._image_source import image_source
from mgi.commands._service import add_source_options
from mgi.core.files import write_json
from mgi.core.settings import parse
from mgi.locks.lock import ImageLock, as_json, read_lock
from mgi.modalities.flair.settings import FlairSettings
from mgi.modalities.flair.sources.general_commons import named


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    add_source_options(options)
    options.add_argument("--output", required=True, help="the lock, JSON")
    return options


def run(args: argparse.Namespace) -> None:
    chosen = parse(FlairSettings, args.settings, where="modalities.flair")
    with image_source(chosen, archive=args.archive, table=args.table) as source:
        if chosen.lock is not None:
            lock = read_lock(chosen.lock, ImageLock, source=chosen.source)
            source.admit(lock)
        else:
            listing = source.discover()
            lock = source.lock(listing)
            for note in listing.notes:
                print(f"{lock.source}: {note}")
    write_json(args.output, as_json(lock))
    n_flair = sum(item.chosen and item.role == "flair" for item in lock.items)
    n_mask = sum(item.chosen and item.role == "mask" for item in lock.items)
    answered = f" by NBIA {lock.version}" if lock.version is not None else ""
    print(f"{lock.source}: {len(lock.items)} series{answered}, {n_flair} FLAIR and {n_mask} mask series chosen")
    if bare := _without_mask(lock):
        print(f"{lock.source}: {len(bare)} patients with FLAIR have no mask: {named(bare)}")


def _without_mask(lock: ImageLock) -> list[str]:
    """Patients whose image comes without a mask; a Kaggle folder holds both."""
    chosen = [item for item in lock.items if item.chosen]
    masked = {item.patient_id for item in chosen if item.role == "mask" or lock.source == "kaggle"}
    return sorted({item.patient_id for item in chosen} - masked)
