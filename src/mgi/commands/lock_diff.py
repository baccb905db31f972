"""Say what changed from one lock to another; exit code 0 where nothing did, 1 where something did."""

import argparse

from mgi.locks.lock import read_lock
from mgi.locks.lock_diff import diff_locks


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("old", help="the older lock, JSON")
    options.add_argument("new", help="the newer lock of the same modality, JSON")
    return options


def run(args: argparse.Namespace) -> int:
    diff = diff_locks(read_lock(args.old), read_lock(args.new))
    print("\n".join(diff.lines()))
    return 0 if diff.equal else 1
