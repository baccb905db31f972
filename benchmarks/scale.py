"""How the workflow grows: the graph with folds and seeds, and the ingestion with patients.

`graph`: a dry run of config/kaggle.yaml, with two files that stand in for the user's: processor seconds, most memory,
jobs. `ingest`: everything before the training of a fold, of a simulated archive (small slices, 2,000 genes): processor
seconds of each rule as Snakemake measured them, for every size, and the exponent between the sizes: 1 grows with the
patients. What an attempt finished is kept: a killed run goes on.

    PYTHONPATH=src python benchmarks/scale.py graph
    PYTHONPATH=src python benchmarks/scale.py ingest --patients 250 2000
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from mgi.core.files import atomic_path
from mgi.reporting.provenance import commit, machine

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build/scale"
SIZES = ((1, 1), (5, 1), (10, 10))
BEFORE_TRAINING = ("tables/leaks.json", "folds/0/genes.parquet", "prepared/48px-none/slices.parquet")
FAST = 1.0  # seconds of processor time below which an exponent says nothing


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("part", choices=("graph", "ingest"))
    options.add_argument("--patients", type=int, nargs="+", default=[250, 2000])
    options.add_argument("--output", type=Path, help="default: benchmarks/results/scale_PART.json")
    return options.parse_args()


def snakemake(*options: str) -> tuple[str, float, float]:
    """Run it in this clone; what it printed, processor seconds and most memory (MiB) of it and all that it started."""
    command = [sys.executable, "-m", "snakemake", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as started:
        assert started.stdout is not None
        said = started.stdout.read()
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode != 0:
        raise SystemExit(f"snakemake {' '.join(options)}: exit {started.returncode}\n{said[-2000:]}")
    return said, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def written(name: str, overlay: dict[str, Any]) -> str:
    """An overlay as a file below the working folder."""
    path = WORK / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(overlay))
    return str(path)


def graph() -> list[dict[str, Any]]:
    """A row per number of folds and seeds."""
    rows = []
    for name in ("images.zip", "genes.parquet"):
        WORK.mkdir(parents=True, exist_ok=True)
        (WORK / name).touch()
    sources = {"rna": {"table": str(WORK / "genes.parquet")}, "flair": {"archive": str(WORK / "images.zip")}}
    for folds, seeds in SIZES:
        overlay = {
            "results": str(WORK.relative_to(ROOT) / "graph"),
            "modalities": sources,
            "split": {"folds": max(folds, 2)},
            "runs": {"folds": list(range(folds)), "seeds": list(range(seeds))},
        }  # fmt: skip
        files = ["config/kaggle.yaml", written(f"graph-{folds}-{seeds}", overlay)]
        said, seconds, memory = snakemake("-n", "--quiet", "rules", "--configfile", *files)
        jobs = int(re.findall(r"^total\s+(\d+)", said, re.MULTILINE)[-1])
        rows.append(
            {"folds": folds, "seeds": seeds, "jobs": jobs, "cpu_s": round(seconds, 1), "max_mib": round(memory)}
        )
        rows[-1]["cpu_ms_a_job"] = round(1000 * seconds / jobs, 1)
    return rows


def ingest(sizes: list[int]) -> list[dict[str, Any]]:
    """A row per rule with its seconds at each size, the slowest first."""
    seconds: dict[str, dict[int, float]] = defaultdict(dict)
    for size in sizes:
        results = WORK / f"ingest-{size}"
        simulation = {"n_patients": size, "slices_min": 8, "slices_max": 8, "pixels": 32, "n_genes": 2000}
        rna, flair = (
            {"batches": 4, "retry_base_s": 0.0} | more for more in ({"expected_files": None}, {"min_images": 8})
        )
        overlay = {
            "results": str(results.relative_to(ROOT)), "simulation": simulation,
            "modalities": {"rna": rna, "flair": flair},
        }  # fmt: skip
        home = overlay["results"]
        targets = ("data", *(f"{home}/{one}" for one in BEFORE_TRAINING))
        files = ("config/demo.yaml", written(results.name, overlay))
        snakemake(*targets, "--quiet", "all", "--cores", "1", "--configfile", *files)
        for path in sorted((results / "benchmarks").glob("*.tsv")):
            rule = re.split(r"[-.]", path.name)[0]
            used = float(pd.read_csv(path, sep="\t")["cpu_time"].sum())
            seconds[rule][size] = seconds[rule].get(size, 0.0) + used
    return [
        {"rule": rule, **{f"{size}": round(by_size[size], 1) for size in sizes}, "exponent": exponent(by_size)}
        for rule, by_size in sorted(seconds.items(), key=lambda item: -item[1][sizes[-1]])
    ]


def exponent(by_size: dict[int, float]) -> float | None:
    """Of the growth from the first to the last size; None for one size, and where a job takes no time to speak of."""
    (small, first), (large, last) = min(by_size.items()), max(by_size.items())
    if small == large or last < FAST or first <= 0:
        return None
    return round(math.log(last / first) / math.log(large / small), 2)


def main() -> None:
    """Measure, print and write."""
    args = arguments()
    rows = graph() if args.part == "graph" else ingest(sorted(args.patients))
    print(pd.DataFrame(rows).to_string(index=False))
    target = args.output or ROOT / f"benchmarks/results/scale_{args.part}.json"
    with atomic_path(target) as part:
        part.write_text(json.dumps({"machine": machine(), "commit": commit(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
