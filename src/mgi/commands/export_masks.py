"""Write masks back onto each patient's own grid as NIfTI, for viewers and for others' tools.

INPUTS: image shard, and a run's predictions if theirs are wanted. OUTPUT: a folder with <patient>_reference.nii.gz and
<patient>_<run>.nii.gz (probability of at least .5). A patient whose source had no geometry is named and left out.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.evaluation.expression_inputs import NOT_USED, OWN
from mgi.modalities.flair.nifti_output import write_mask
from mgi.shards.image_shard import iter_images
from mgi.shards.parquet import run_in
from mgi.tasks.segmentation.dice import at_least
from mgi.tasks.segmentation.prediction_file import read_patients, read_volumes
from mgi.tasks.segmentation.scoring import THRESHOLD

Grid = tuple[tuple[int, ...], Callable[[Path, NDArray[np.uint8]], None]]
"""The shape of an image, and what writes a mask back onto its own grid."""


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--image-shard", type=Path, required=True, help="dataset.json of the image shard")
    options.add_argument("--predictions", type=Path, help="predictions of one run; without it every reference mask")
    options.add_argument("--expression-input", help="of the predictions (default: own, or not_used for such a method)")
    options.add_argument("--output", type=Path, required=True, help="folder for the NIfTI files")


def run(args: argparse.Namespace) -> None:
    patients = None if args.predictions is None else read_patients(args.predictions)
    grids, n_written = {}, 0
    for images in iter_images(args.image_shard, patients):
        if images.affine is None or images.native_axes is None:
            print(f"{images.patient_id}: no geometry in its source, left out", file=sys.stderr)
            continue
        write = partial(write_mask, affine=images.affine, native_axes=images.native_axes)
        grids[images.patient_id] = images.slices.shape, write
        if images.masks is not None:
            write(args.output / f"{images.patient_id}_reference.nii.gz", images.masks)
            n_written += 1
    if not grids:
        raise BadInputError(f"{args.image_shard}: no patient has a geometry; images of the Kaggle archive have none")
    if args.predictions is not None:
        n_written += _write_predictions(args.predictions, args.expression_input, grids, args.output)
    print(f"{len(grids)} patients, {n_written} masks")


def _write_predictions(path: Path, given: str | None, grids: Mapping[str, Grid], output: Path) -> int:
    run = run_in(path)
    given = given or (OWN if run.reads_genes else NOT_USED)
    n_slices = {patient: shape[0] for patient, (shape, _) in grids.items()}
    written = 0
    for volume in read_volumes(path, n_slices, patients=grids, expression_input=given):
        shape, write = grids[volume.patient_id]
        if volume.probability.shape != shape:
            raise BadInputError(
                f"{path}: patient {volume.patient_id}: {volume.probability.shape}, expected {shape} as the image"
            )
        mask = at_least(volume.probability, THRESHOLD).astype(np.uint8)
        write(output / f"{volume.patient_id}_{run.key}.nii.gz", mask)
        written += 1
    if written == 0:
        raise BadInputError(f"{path}: no predictions with {given}, expected another --expression-input")
    return written
