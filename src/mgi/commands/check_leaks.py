"""Refuse a split whose training, validation and test have a patient, a vector or an image slice in common.

INPUTS: split, and the dataset.json of every shard. OUTPUT: what was compared (JSON), which every training run waits
for. With `--split-unit slice` patients are divided on purpose: then the report says how many.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from mgi.cohort.duplicates import digests_of_shard, leaks_of
from mgi.cohort.leak_report import write_leak_report
from mgi.cohort.split import TEST, TRAIN, VALIDATION, WATERMARK
from mgi.core.errors import BadInputError
from mgi.core.run import PATIENT, SLICE, SPLIT_UNITS
from mgi.shards.parquet import read_table
from mgi.shards.schemas import SPLIT


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--split", required=True, type=Path)
    options.add_argument("--dataset", required=True, nargs="+", type=Path, help="the dataset.json of each shard")
    options.add_argument("--split-unit", choices=SPLIT_UNITS, default=PATIENT)
    options.add_argument("--output", required=True, type=Path, help="the report, JSON")


def run(args: argparse.Namespace) -> None:
    folds = _folds(args.split)
    shared = dict(digests_of_shard(path) for path in args.dataset)
    counts = {what: sum(map(len, by_patient.values())) for what, by_patient in shared.items()}
    if leaks := [leak for fold, roles in folds.items() for leak in leaks_of(fold, roles, shared)]:
        more = f" ({len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise BadInputError(f"{args.split}: {leaks[0]}{more}; expected nothing in common across roles")
    roles_of = {fold: Counter(role for _, role in roles) for fold, roles in folds.items()}
    report: dict[str, Any] = {
        "split_unit": args.split_unit,
        "leaks": [],
        "compared": {
            "patients": len({patient for roles in folds.values() for patient, _ in roles}),
            **{f"{what.replace(' ', '_')}s": count for what, count in counts.items()},
        },
        "folds": {str(fold): n for fold, n in roles_of.items()},
    }
    if args.split_unit == SLICE:  # who has an image has slices in training, validation and test
        in_all = {fold: sum(n[role] for role in (TRAIN, VALIDATION, TEST)) for fold, n in roles_of.items()}
        report["leaks"] = [{"fold": fold, "shared": "patient id", "patients": total} for fold, total in in_all.items()]
        report["watermark"] = WATERMARK
    write_leak_report(args.output, report, args.split, args.dataset)
    said = [f"{count} {what}s of {len(shared[what])} patients" for what, count in counts.items()]
    print(f"{len(folds)} folds, {', '.join(said)}: nothing shared across roles")


def _folds(path: Path) -> dict[int, list[tuple[str, str]]]:
    """Patient and role of every row by fold; unlike `read_split` this lets a patient have two, so as to name it."""
    table = read_table(path, SPLIT).to_pandas()
    return {
        int(fold): list(zip(rows["patient_id"], rows["role"], strict=True))
        for fold, rows in table.groupby("fold", sort=True)
    }
