"""Measure every tumour by hand-made features: size, intensity, position and margin, of true or of predicted masks.

INPUTS: image shard, and a run's predictions if theirs are wanted. OUTPUT: a table (Parquet) with a row a patient, which
`mgi associate --phenotypes` reads. A patient without a mask is named and left out; one whose mask is empty has a row
without numbers.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.tables import write_with_text
from mgi.core.errors import BadInputError
from mgi.evaluation.expression_inputs import NOT_USED, OWN
from mgi.shards.dataset_manifest import dataset_of
from mgi.shards.image_shard import OpenImages, PatientImages
from mgi.shards.parquet import run_in
from mgi.tasks.segmentation.dice import at_least
from mgi.tasks.segmentation.lesion_features import COLUMNS, FEATURES, lesion_features
from mgi.tasks.segmentation.prediction_file import read_patients, read_volumes
from mgi.tasks.segmentation.scoring import THRESHOLD

Masked = tuple[PatientImages, NDArray[np.uint8]]


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--image-shard", type=Path, required=True, help="dataset.json of the image shard")
    options.add_argument(
        "--predictions", type=Path, nargs="+", default=[],
        help="predictions of one run or of its folds; without them the reference masks",
    )  # fmt: skip
    options.add_argument("--expression-input", help="of the predictions (default: own, or not_used for such a method)")
    options.add_argument("--output", type=Path, required=True, help="the features, Parquet")
    options.add_argument("--tsv", type=Path, help="the same as text")


def run(args: argparse.Namespace) -> None:
    images = OpenImages(args.image_shard)
    masked = _predicted(images, args.predictions, args.expression_input) if args.predictions else _true(images)
    rows = {}
    for one, mask in masked:
        if one.patient_id in rows:
            raise BadInputError(f"--predictions: {one.patient_id} is in two files, expected each patient in one")
        try:
            rows[one.patient_id] = lesion_features(one.slices, mask)
        except BadInputError as error:
            raise BadInputError(f"{args.image_shard}: {one.patient_id}: {error}") from None
    if not rows:
        raise BadInputError(f"{args.image_shard}: no patient has a mask")
    made_from = [dataset_of(args.image_shard), *args.predictions]
    table = [
        {"patient_id": patient, **{name: None if math.isnan(value) else value for name, value in found.items()}}
        for patient, found in sorted(rows.items())
    ]
    write_with_text(table, COLUMNS, args.output, args.tsv, made_from)
    empty = sum(math.isnan(found["log_volume"]) for found in rows.values())
    print(f"{len(rows)} patients, {len(FEATURES)} features; {empty} with an empty mask")


def _true(images: OpenImages) -> Iterator[Masked]:
    for one in map(images.read, images.patient_ids):
        if one.masks is None:
            print(f"{one.patient_id}: no mask, left out", file=sys.stderr)
        else:
            yield one, one.masks


def _predicted(images: OpenImages, paths: list[Path], given: str | None) -> Iterator[Masked]:
    for path in paths:
        wanted = given or (OWN if run_in(path).reads_genes else NOT_USED)
        patients = read_patients(path)
        images.require(patients)
        n_slices, found = {patient: images.n_slices(patient) for patient in patients}, 0
        for volume in read_volumes(path, n_slices, expression_input=wanted):
            found += 1
            yield images.read(volume.patient_id), at_least(volume.probability, THRESHOLD).astype(np.uint8)
        if not found:
            raise BadInputError(f"{path}: no predictions with {wanted}, expected another --expression-input")
