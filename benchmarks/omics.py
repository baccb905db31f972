"""How fast files of methylation, copy number, microRNA and protein arrays are read, and what a whole cohort takes.

REQUIRED INPUTS: none; files are drawn at the size that TCGA-LGG's have (omics_files.py).
OUTPUTS: a table, and --output: a list of {name, value, unit, peer, ratio}. `peer` is `pandas.read_csv` of the same
file in the same run, in turns; `ratio` is value / peer. Reading is measured by CPU time of one thread, medians of --rounds.

Shards are written by `mgi shard` in a process of its own, of --patients; time and memory of the whole cohort are
calculated from the two sizes.

    PYTHONPATH=src python benchmarks/omics.py
    PYTHONPATH=src python benchmarks/omics.py --patients 4 8 --rounds 3
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omics_files
import pandas as pd

from mgi.core.files import atomic_path
from mgi.modalities.methylation.betas import read_betas
from mgi.modalities.mirna.quantification import read_quantification
from mgi.modalities.rppa.antibodies import read_antibodies
from mgi.reporting.provenance import commit, machine

ROOT = Path(__file__).parents[1]
MB = 1e6


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How files of a kind are drawn and read; `first` has no file before it, `next` the one that was read first."""

    text: omics_files.Text
    first: Callable[[Path], Any]
    next: Callable[[Path, Any], Any]
    peer: Callable[[Path], Any]


def _with_header(path: Path) -> Any:
    return pd.read_csv(path, sep="\t")


def _without_header(path: Path) -> Any:
    return pd.read_csv(path, sep="\t", header=None)


KINDS = {
    "methylation": Kind(
        text=omics_files.betas,
        first=read_betas,
        next=lambda path, like: read_betas(path, like=like),
        peer=_without_header,
    ),
    "mirna": Kind(
        text=omics_files.quantification,
        first=read_quantification,
        next=lambda path, like: read_quantification(path, like=like),
        peer=_with_header,
    ),
    "rppa": Kind(
        text=omics_files.antibodies,
        first=read_antibodies,
        next=lambda path, like: read_antibodies(path),
        peer=_with_header,
    ),
}


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/omics.json")
    return options.parse_args()


def row(name: str, value: float, unit: str, peer: float | None = None) -> dict[str, Any]:
    """One line of the results."""
    ratio = None if not peer else round(value / peer, 3)
    shown = None if peer is None else round(peer, 3)
    return {"name": name, "value": round(value, 3), "unit": unit, "peer": shown, "ratio": ratio}


def seconds(call: Callable[[], Any]) -> float:
    """CPU time of a call, in the process."""
    start = time.process_time()
    call()
    return time.process_time() - start


def reading(name: str, kind: Kind, rounds: int) -> list[dict[str, Any]]:
    """How fast a file is read alone, and after another, beside pandas."""
    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder) / "a.txt", Path(folder) / "b.txt"
        path.write_bytes(omics_files.written(kind.text, 0))
        other.write_bytes(omics_files.written(kind.text, 1))
        like, size = kind.first(other), path.stat().st_size
        kind.peer(path)
        times: dict[str, list[float]] = {"first": [], "next": [], "peer": []}
        for _ in range(rounds):
            times["first"].append(seconds(lambda: kind.first(path)))
            times["peer"].append(seconds(lambda: kind.peer(path)))
            times["next"].append(seconds(lambda: kind.next(path, like)))
    middle = {what: statistics.median(taken) for what, taken in times.items()}
    rate = {what: size / MB / taken for what, taken in middle.items()}
    return [
        row(f"{name}: size of a file", size / MB, "MB"),
        row(f"{name}: first file vs pandas", rate["first"], "MB/s of CPU", rate["peer"]),
        row(f"{name}: next file vs pandas", rate["next"], "MB/s of CPU", rate["peer"]),
        row(f"{name}: next file", 1000 * middle["next"], "ms of CPU"),
    ]


def main() -> None:
    """Measure every kind, print, and write the results."""
    args = arguments()
    print(f"commit {commit()}, {machine()}")
    rows: list[dict[str, Any]] = []
    for name in args.kinds:
        found = reading(name, KINDS[name], args.rounds)
        rows += found
        for one in found:
            beside = "" if one["peer"] is None else f"   pandas {one['peer']:10.2f}   ratio {one['ratio']:.2f}"
            print(f"{one['name']:44}{one['value']:10.2f} {one['unit']:12}{beside}", flush=True)
    with atomic_path(args.output) as part:
        part.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
