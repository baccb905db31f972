"""Describe the finished parts of a shard of images in its dataset.json, once they agree and no image is there twice."""

import argparse
from pathlib import Path

from mgi.cohort.duplicates import DuplicateCheck
from mgi.cohort.tables import read_cohort
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.mending import mend_of
from mgi.core.parts import PART_PATTERN
from mgi.shards.dataset_manifest import DATASET, write_dataset
from mgi.shards.image_parts import Part, read_parts
from mgi.shards.image_shard import KIND, SLICES_FILE


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--modality", required=True, help="name of its section in `modalities` of the config")
    options.add_argument("--parts", required=True, type=int, help="how many there are, beside the output")
    options.add_argument("--cohort", required=True, help="the cohort, Parquet, whose patients the parts must have")
    options.add_argument("--output", required=True, type=Path, help="dataset.json in the folder of the parts")


def run(args: argparse.Namespace) -> None:
    if args.output.name != DATASET or args.parts < 1:
        raise ConfigError(f"--output, --parts: found {args.output}, {args.parts}, expected {DATASET} of 1 part or more")
    folder = args.output.parent
    parts = read_parts(folder, args.parts)
    if (found := parts[0].stated.get("modality")) != args.modality:
        raise BadInputError(f"{parts[0].record}: modality: found {found!r}, expected {args.modality!r}")
    _require_patients(parts, args.cohort, args.modality)
    duplicates = DuplicateCheck("image")
    digests = {patient: digest for part in parts for patient, digest in part.digests.items()}
    for patient, digest in sorted(digests.items()):
        duplicates.add(patient, digest)
    n_slices = sum(part.rows for part in parts)
    fields = {
        "rows": n_slices,
        "patients": len(digests),
        "slices": n_slices,
        **parts[0].stated,
        "dropped": {patient: notes for part in parts for patient, notes in part.dropped.items()},
    }
    files = {part.slices.name: part.sha256 for part in parts}
    write_dataset(args.output, KIND, [part.slices for part in parts], fields, digests=files)
    _remove_others(parts, folder)
    print(f"{len(digests)} patients, {n_slices} slices in {len(parts)} parts")


def _require_patients(parts: list[Part], cohort: str, modality: str) -> None:
    """Refuse parts that do not hold exactly those of the cohort who have an image and are not excluded."""
    expected = set(read_cohort(cohort).present(modality)["patient_id"])
    if not expected:
        raise BadInputError(f"{cohort}: no patient has an image")
    found = {patient for part in parts for patient in part.digests}
    if differing := sorted(found ^ expected):
        where = "in a part, not in the cohort" if differing[0] in found else "in the cohort, in no part"
        folder = parts[0].record.parent
        raise BadInputError(
            f"{folder}: {differing[0]} is {where} ({len(differing)} patients differ), expected those of {cohort}; "
            f"{mend_of(parts[0].record)}"
        )


def _remove_others(parts: list[Part], folder: Path) -> None:
    """Take away the files of another number of parts, or of none, which nothing describes any more."""
    kept = {path for part in parts for path in (part.slices, part.record)}
    for path in (*folder.glob(PART_PATTERN), folder / SLICES_FILE):
        if path not in kept:
            path.unlink(missing_ok=True)
