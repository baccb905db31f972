"""Describe the finished parts of a shard of images in its dataset.json, once they agree and no image is there twice."""

import argparse
from pathlib import Path

from mgi.cohort.duplicates import DuplicateCheck
from mgi.commands._parts import remove_others, require_modality, require_output, require_patients
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_parts import read_parts
from mgi.shards.image_shard import KIND, SLICES_FILE


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--modality", required=True, help="name of its section in `modalities` of the config")
    options.add_argument("--parts", required=True, type=int, help="how many there are, beside the output")
    options.add_argument("--cohort", required=True, help="the cohort, Parquet, whose patients the parts must have")
    options.add_argument("--output", required=True, type=Path, help="dataset.json in the folder of the parts")


def run(args: argparse.Namespace) -> None:
    folder = require_output(args.output, args.parts)
    parts = read_parts(folder, args.parts)
    records = [part.record for part in parts]
    require_modality(records, args.modality)
    digests = {patient: digest for part in parts for patient, digest in part.digests.items()}
    require_patients(set(digests), args.cohort, args.modality, records[0].path)
    duplicates = DuplicateCheck("image")
    for patient, digest in sorted(digests.items()):
        duplicates.add(patient, digest)
    n_slices = sum(record.rows for record in records)
    fields = {
        "rows": n_slices,
        "patients": len(digests),
        "slices": n_slices,
        **records[0].stated,
        "dropped": {patient: notes for part in parts for patient, notes in part.dropped.items()},
    }
    files = {record.file.name: record.sha256 for record in records}
    write_dataset(args.output, KIND, [record.file for record in records], fields, digests=files)
    remove_others(folder, {path for record in records for path in (record.file, record.path)}, [SLICES_FILE])
    print(f"{len(digests)} patients, {n_slices} slices in {len(parts)} parts")
