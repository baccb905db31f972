"""Refuse a split whose training, validation and test have a patient, a vector or an image slice in common.

INPUTS: split, and the dataset.json of every shard. OUTPUT: what was compared (JSON), which every training run waits
for. With `--split-unit slice` patients are divided on purpose: then the report says how many.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from mgi.cohort.duplicates import ShardDigests, digests_of_shard, leaks_of
from mgi.cohort.leak_report import write_leak_report
from mgi.cohort.near_duplicates import WHAT_TO_DO
from mgi.cohort.near_pairs import near_pairs, only
from mgi.cohort.settings import NEAR_DUPLICATES, REFUSE
from mgi.cohort.split import TEST, TRAIN, VALIDATION, WATERMARK
from mgi.core.errors import BadInputError
from mgi.core.run import PATIENT, SLICE, SPLIT_UNITS
from mgi.shards.parquet import read_table
from mgi.shards.schemas import SPLIT


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--split", required=True, type=Path)
    options.add_argument("--dataset", required=True, nargs="+", type=Path, help="the dataset.json of each shard")
    options.add_argument("--split-unit", choices=SPLIT_UNITS, default=PATIENT)
    options.add_argument(
        "--near-duplicates", choices=NEAR_DUPLICATES, default=REFUSE, help="pairs of patients with nearly the same data"
    )
    options.add_argument("--output", required=True, type=Path, help="the report, JSON")


def run(args: argparse.Namespace) -> None:
    folds = _folds(args.split)
    shards = [digests_of_shard(path, args.output.parent) for path in args.dataset]
    shared = {one.what: one.repeated for one in shards}
    counts = {one.what: one.n_digests for one in shards}
    if leaks := [leak for fold, roles in folds.items() for leak in leaks_of(fold, roles, shared)]:
        more = f" ({len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise BadInputError(f"{args.split}: {leaks[0]}{more}; expected nothing in common across roles")
    near = _near_duplicates(shards, {patient for roles in folds.values() for patient, _ in roles})
    if near and args.near_duplicates == REFUSE:
        more = f" ({len(near) - 1} more)" if len(near) > 1 else ""
        raise BadInputError(f"{args.split}: {near[0]}{more}; {WHAT_TO_DO}")
    for pair in near:
        print(pair)
    roles_of = {fold: Counter(role for _, role in roles) for fold, roles in folds.items()}
    report: dict[str, Any] = {
        "split_unit": args.split_unit,
        "leaks": [],
        "near_duplicates": near,
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
    said = [f"{one.n_digests} {one.what}s of {one.n_patients} patients" for one in shards]
    print(f"{len(folds)} folds, {', '.join(said)}: nothing shared across roles")


def _near_duplicates(shards: list[ShardDigests], patients: set[str]) -> list[str]:
    """Pairs of patients of the split with nearly the same data, whatever their roles, in words."""
    found = []
    for one in shards:
        signatures = only(one.signatures, patients)
        found += [pair.says(one.what) for pair in near_pairs(signatures, signatures, least=one.least)]
    return found


def _folds(path: Path) -> dict[int, list[tuple[str, str]]]:
    """Patient and role of every row by fold; unlike `read_split` this lets a patient have two, so as to name it."""
    table = read_table(path, SPLIT).to_pandas()
    return {
        int(fold): list(zip(rows["patient_id"], rows["role"], strict=True))
        for fold, rows in table.groupby("fold", sort=True)
    }
