"""Say what changed from one lock to another; exit code 0 where nothing did, 1 where something did."""

import argparse

from mgi.locks.lock import read_lock
from mgi.locks.lock_diff import diff_locks


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("old", help="the older lock, JSON")
    options.add_argument("new", help="the newer lock of the same modality, JSON")


def run(args: argparse.Namespace) -> int:
    diff = diff_locks(read_lock(args.old), read_lock(args.new))
    print("\n".join(diff.lines))
    return 0 if diff.equal else 1
