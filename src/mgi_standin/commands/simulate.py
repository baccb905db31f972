"""Write the archive folder of a simulated cohort.

REQUIRED INPUTS: none.
OUTPUTS: archive.json, written last, and beside it everything that the stand-in archive serves.
"""

import argparse
import sys
from pathlib import Path

from mgi_standin.errors import ConfigError
from mgi_standin.files import full_disk_named
from mgi_standin.simulation.archive import COMPLETE, write_archive
from mgi_standin.simulation.settings import parse_settings


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    described.add_argument("--settings", required=True, help="the configuration's section on simulation, as JSON")
    described.add_argument("--output", required=True, type=Path, help="archive.json; its folder is written afresh")
    return described


def run(args: argparse.Namespace) -> None:
    if args.output.name != COMPLETE:
        raise ConfigError(f"--output: found {args.output.name}, expected a path that ends in {COMPLETE}")
    chosen = parse_settings(args.settings)
    with full_disk_named(args.output):
        write_archive(chosen, args.output.parent, report_tenth)


def report_tenth(done: int, total: int) -> None:
    """One line each time another tenth is done."""
    if done * 10 // total != (done - 1) * 10 // total:
        print(f"simulate: {done} of {total} patients written", file=sys.stderr, flush=True)
