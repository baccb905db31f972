"""Write the cohort as a raw dataset of nnU-Net v2, with the same patients, masks and folds.

OUTPUT gets nnUNet_raw/ (images and masks), nnUNet_preprocessed/ (the folds), test/fold_0/ and so on (the images that
each fold's model is to predict), cases.tsv (which case is which patient) and export.json, written last.
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mgi.cohort.tables import read_split
from mgi.core.errors import ConfigError
from mgi.core.files import sha256_of, write_json
from mgi.core.run import IMAGE
from mgi.core.sidecar import digested_path
from mgi.shards.dataset_manifest import dataset_of
from mgi.tasks.segmentation.nnunet_dataset import (
    EXPORT,
    DatasetFolder,
    Export,
    case_of,
    export_dataset,
    exported_patients,
    fold_lists,
)

NUMBERS = range(1, 1000)


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--results", type=Path, required=True, help="results folder with shards and tables")
    options.add_argument(
        "--output", type=Path, required=True, help="a new folder for all that nnU-Net reads and writes"
    )
    options.add_argument("--dataset-id", type=int, default=501, help="nnU-Net's number of it (default: %(default)s)")
    options.add_argument(
        "--spacing-mm", type=float, nargs=3, default=(1.0, 1.0, 1.0), metavar=("SLICE", "ROW", "COLUMN"),
        help="between slices, rows and columns of images whose source has no geometry (default: 1 1 1)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    if args.dataset_id not in NUMBERS:
        raise ConfigError(f"--dataset-id: found {args.dataset_id}, expected 1 to {NUMBERS[-1]}")
    if not all(0 < one < 1000 for one in args.spacing_mm):
        raise ConfigError(f"--spacing-mm: found {args.spacing_mm}, expected three lengths above 0 and below 1000 mm")
    if args.output.is_dir() and any(args.output.iterdir()):
        raise ConfigError(f"--output: {args.output}: is not empty; delete it or name another folder")
    shard, path = args.results / "shards" / IMAGE, args.results / "tables/split.parquet"
    split, folder = read_split(path), DatasetFolder(args.output, args.dataset_id)
    spacing = tuple(args.spacing_mm)
    flat = export_dataset(shard, split, folder, spacing)
    _write_cases(args.output / "cases.tsv", exported_patients(split))
    digest = sha256_of(dataset_of(shard))
    export = Export(dataset=args.dataset_id, spacing_mm=spacing, without_geometry=tuple(flat), shard_sha256=digest)
    write_json(args.output / EXPORT, asdict(export))
    given = f"{len(flat)} patients without geometry, taken as {spacing} mm" if flat else "all with geometry"
    print(f"{folder.raw}: {len(fold_lists(split))} folds, {given}")


def _write_cases(path: Path, patients: Sequence[str]) -> None:
    with digested_path(path) as part, part.open("w", encoding="utf-8", newline="") as text:
        rows = [("case", "patient_id"), *((case_of(one), one) for one in patients)]
        csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
