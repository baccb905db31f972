"""How fast files of the GDC beside expression are read, and what a whole cohort of them takes.

REQUIRED INPUTS: none; files are drawn at the size that TCGA-LGG's have (omics_files.py).
OUTPUTS: a table, and --output: a list of {name, value, unit, peer, ratio}. `peer` is `pandas.read_csv` of the same
file in the same run, in turns; `ratio` is value / peer. Reading is CPU time of one thread, the median of --rounds.

Shards are written by `mgi shard` and fits by `mgi fit-features`, in processes of their own. Of small files the whole
cohort is there; of large ones what it takes is calculated from two cohorts of --patients.

    PYTHONPATH=src python benchmarks/omics.py
    PYTHONPATH=src python benchmarks/omics.py --patients 4 8 --rounds 3
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omics_cohort
import omics_files
import pandas as pd

from mgi.core.files import atomic_path
from mgi.modalities.cn.ascat import read_copy_numbers
from mgi.modalities.methylation.betas import read_betas
from mgi.modalities.mirna.quantification import read_quantification
from mgi.modalities.mutation.maf import read_maf
from mgi.modalities.rppa.antibodies import read_antibodies
from mgi.reporting.provenance import commit, machine

ROOT = Path(__file__).parents[1]
MB = 1e6
LARGE = ("methylation", "cn")
WHOLE = {"methylation": 534, "cn": 527, "mutation": 530, "mirna": 530, "rppa": 430}  # files of TCGA-LGG


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
    "cn": Kind(
        text=omics_files.copy_numbers,
        first=read_copy_numbers,
        next=lambda path, like: read_copy_numbers(path, like=like),
        peer=_with_header,
    ),
    "mutation": Kind(
        text=omics_files.mutations,
        first=read_maf,
        next=lambda path, like: read_maf(path),
        peer=lambda path: pd.read_csv(path, sep="\t", comment="#", compression="gzip"),
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
    options.add_argument("--patients", type=int, nargs=2, default=[16, 48], help="in the two cohorts of large files")
    options.add_argument("--folder", type=Path, default=ROOT / "build/omics", help="for cohorts, which go at the end")
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


def of_cohorts(name: str, kind: Kind, sizes: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    """What a shard and a fit take of two cohorts, and what follows for the whole of TCGA-LGG."""
    costs: dict[str, list[omics_cohort.Cost]] = {"shard": [], "fit": []}
    read = 0
    for size in sorted(sizes):
        read = omics_cohort.write_cohort(folder / name, name, kind.text, size)
        costs["shard"].append(omics_cohort.sharded(folder / name, name))
        if name not in ("cn", "mutation"):  # their fits read an expression shard, or little
            costs["fit"].append(omics_cohort.fitted(folder / name, name))
    few, many = sorted(sizes)
    rows = [
        row(f"{name}: {many} patients", read / MB, "MB"),
        row(f"{name}: shard on disk", (folder / name / "shard/values.parquet").stat().st_size / MB, "MB"),
    ]
    for what, (small, large) in ((what, both) for what, both in costs.items() if both):
        scale = (WHOLE[name] - many) / (many - few)
        whole = large.cpu_s + scale * (large.cpu_s - small.cpu_s)
        calculated = ", calculated" if many < WHOLE[name] else ""
        rows += [
            row(f"{name}: {what} of {many}: wall", large.wall_s, "s"),
            row(f"{name}: {what} of {many}: peak", large.peak_mib, "MiB"),
            row(f"{name}: {what} of {few}: peak", small.peak_mib, "MiB"),
            row(f"{name}: {what} of {WHOLE[name]}: CPU{calculated}", whole, "s"),
        ]
    shutil.rmtree(folder / name)
    return rows


def main() -> None:
    """Measure every kind, print, and write the results."""
    args = arguments()
    print(f"commit {commit()}, {machine()}")
    rows: list[dict[str, Any]] = []
    for name in args.kinds:
        found = reading(name, KINDS[name], args.rounds)
        sizes = args.patients if name in LARGE else (WHOLE[name] // 2, WHOLE[name])
        found += of_cohorts(name, KINDS[name], sizes, args.folder)
        rows += found
        for one in found:
            beside = "" if one["peer"] is None else f"   pandas {one['peer']:10.2f}   ratio {one['ratio']:.2f}"
            print(f"{one['name']:44}{one['value']:10.2f} {one['unit']:12}{beside}", flush=True)
    with atomic_path(args.output) as part:
        part.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
