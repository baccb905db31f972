"""Describe the finished parts of a shard of bags in its dataset.json, with one table and one picture of all slides."""

import argparse
from pathlib import Path

from mgi.commands._parts import remove_others, require_modality, require_output, require_patients
from mgi.shards.bag_parts import read_bag_parts
from mgi.shards.bags import SHEET, SLIDES_FILE, TILES_FILE, describe_files
from mgi.shards.contact_sheet import join_sheets


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--modality", required=True, help="name of its section in `modalities` of the config")
    options.add_argument("--parts", required=True, type=int, help="how many there are, beside the output")
    options.add_argument("--cohort", required=True, help="the cohort, Parquet, whose patients the parts must have")
    options.add_argument("--output", required=True, type=Path, help="dataset.json in the folder of the parts")


def run(args: argparse.Namespace) -> None:
    folder = require_output(args.output, args.parts)
    parts = read_bag_parts(folder, args.parts)
    records = [part.record for part in parts]
    require_modality(records, args.modality)
    patients = {row["patient_id"] for part in parts for row in part.slides}
    require_patients(patients, args.cohort, args.modality, records[0].path)
    slides = sorted(
        ((row, (part.picture, number)) for part in parts for number, row in enumerate(part.slides)),
        key=lambda one: (one[0]["patient_id"], one[0]["slide_id"]),
    )
    join_sheets(folder / SHEET, [place for _, place in slides])
    describe_files(
        {record.file: record.sha256 for record in records},
        folder / SLIDES_FILE,
        args.output,
        [row for row, _ in slides],
        **{**records[0].stated, "simulated": any(part.simulated for part in parts)},
    )
    kept = {path for part in parts for path in (part.record.file, part.record.path, part.picture)}
    remove_others(folder, kept, [TILES_FILE])
    print(f"{len(patients)} patients, {len(slides)} slides in {len(parts)} parts")
