"""Accept a lock as it is, written by an older mgi or by hand, and give it the digests that every reader asks for.

Read it before: from then on it counts as what a source said.
"""

import argparse
from pathlib import Path

from mgi.core.files import write_json
from mgi.locks.lock import as_json, read_lock


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("lock", type=Path, help="the lock, JSON; it is written anew in place")


def run(args: argparse.Namespace) -> None:
    lock = read_lock(args.lock, sealed=False)
    write_json(args.lock, as_json(lock))
    print(f"{args.lock}: {len(lock.items)} items, {len(lock.chosen)} of them chosen, accepted as they are")
