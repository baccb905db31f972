"""Use a released model on a new patient: a mask on the image's own grid, or a class or a risk; and what may be wrong.

IMAGE: a NIfTI file, a folder of DICOM files (or one file), or a folder of slices, TIFF or PNG. OUTPUT of a model that
segments: NIfTI for the first two, a folder of <slice>_mask for the last; beside it a .json with sizes and quality
flags. OUTPUT of one that tells classes or risk: the .json alone; then genes are enough, and IMAGE may be left out. An
image far from those of training is refused.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mgi.commands._device import device
from mgi.commands._new_patient import each_once, flags_of_genes, genes_said, read_patient, report_of
from mgi.commands._run_options import add_device
from mgi.core.errors import ConfigError
from mgi.core.files import write_json
from mgi.release.ensemble import Model, load_model
from mgi.release.mask_summary import MaskSummary, largest_body, summarise_mask
from mgi.release.new_image import check_output, kind_of, report_path, write_new_mask
from mgi.release.training_range import Flag, mask_flags
from mgi.release.use import answer_for_patient, segment_patient
from mgi.tasks.registry import reads_labels
from mgi.tasks.segmentation.dice import at_least

MAX_MISSING = 0.1


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("image", type=Path, metavar="IMAGE", nargs="?")
    options.add_argument(
        "--model", required=True, type=Path, help="folder that `mgi release` wrote, of one run or of an ensemble"
    )
    options.add_argument(
        "--output", required=True, type=Path, help="mask.nii.gz, or a folder for slices; answer.json of class or risk"
    )
    options.add_argument("--series", help="SeriesInstanceUID, where a DICOM folder holds several FLAIR")
    options.add_argument(
        "--volume", type=int, metavar="N", help="counted from 0, where a NIfTI file has four axes and several volumes"
    )
    options.add_argument("--expression", type=Path, help="table with the patient's expression, or its STAR-Counts file")
    options.add_argument(
        "--modality", nargs="+", default=[], metavar="NAME=TABLE",
        help="tables of what the model reads beside expression, such as cn=copies.tsv (default: null tokens)",
    )  # fmt: skip
    options.add_argument("--patient", help="the patient's label in these tables, where they hold several")
    options.add_argument(
        "--max-missing", type=float, default=MAX_MISSING, metavar="SHARE",
        help="of the model's genes, or features of a modality, that may lack a value (default: %(default)s)",
    )  # fmt: skip
    options.add_argument("--largest-component", action="store_true", help="keep the mask's largest component alone")
    options.add_argument("--force", action="store_true", help="go on with an image that is far from training's")
    add_device(options)


def run(args: argparse.Namespace) -> None:
    _check_options(args)
    place, model = device(args), load_model(args.model)
    use = _answer if reads_labels(model.first.weights.run.task) else _segment
    for flag in use(args, model, place):
        print(f"flag {flag.flag}: {flag.message}", file=sys.stderr)


def _segment(args: argparse.Namespace, model: Model, place: torch.device) -> Sequence[Flag]:
    """Write the mask and its report; the flags."""
    if args.image is None:
        raise ConfigError(f"IMAGE: missing, expected an image: {model.name} segments")
    check_output(kind_of(args.image), args.image, args.output)
    patient = read_patient(args, model)
    new, threshold = patient.image, model.first.threshold
    assert new is not None
    assert threshold is not None
    probability = segment_patient(model.members, new.images, patient.scaled, place)
    mask = at_least(probability, threshold).astype(np.uint8)
    whole = summarise_mask(mask, new.images.affine)
    of_mask = [flag for member in model.members for flag in mask_flags(whole, member.training_range)]
    flags = [*patient.flags, *each_once([*of_mask, *flags_of_genes(model, patient.genes)])]
    if args.largest_component:
        mask = largest_body(mask)
    summary = summarise_mask(mask, new.images.affine)
    report_path(args.output).unlink(missing_ok=True)  # it is written last: with it, the masks are whole
    paths = write_new_mask(new, mask, args.output)
    of_masks = {
        "masks": [path.name for path in paths],
        "mask": asdict(summary),
        "threshold": threshold,
        "largest_component": _removed(whole, summary) if args.largest_component else None,
    }
    write_json(report_path(args.output), {**report_of(args, model, patient, flags), **of_masks})
    volume = "" if summary.volume_ml is None else f", {summary.volume_ml:.1f} mL"
    genes = genes_said(model, patient)
    print(f"{args.output}: {summary.voxels} voxels on {summary.slices} slices{volume}; {genes}; {len(flags)} flags")
    return flags


def _answer(args: argparse.Namespace, model: Model, place: torch.device) -> Sequence[Flag]:
    """Write the answer of a task of labels; the flags."""
    _check_options_of_answers(args, model)
    patient = read_patient(args, model)
    images = None if patient.image is None else patient.image.images
    answer = answer_for_patient(model.members, images, patient.scaled, place)
    flags = [*patient.flags, *each_once(flags_of_genes(model, patient.genes))]
    write_json(args.output, {**report_of(args, model, patient, flags), "answer": answer})
    image = "without an image" if images is None else args.image.name
    print(f"{args.output}: {_said(answer)}; {image}; {genes_said(model, patient)}; {len(flags)} flags")
    return flags


def _said(answer: dict[str, Any]) -> str:
    if "probability" in answer:
        return f"{answer['target']} {answer['class']} with probability {answer['probability'][answer['class']]:.3f}"
    trained = "; ".join(f"{one['patients']} with {one['events']} events" for one in answer["training_patients"])
    return f"{answer['endpoint']} risk above that of {answer['risk_quantile']:.0%} of the training patients ({trained})"


def _check_options_of_answers(args: argparse.Namespace, model: Model) -> None:
    if args.output.suffix != ".json":
        raise ConfigError(
            f"--output: found {args.output}, expected a name that ends in .json: {model.name} draws no mask"
        )
    if args.largest_component:
        raise ConfigError(f"--largest-component: {model.name} draws no mask; leave it out")
    if args.image is None and args.expression is None:
        raise ConfigError("IMAGE and --expression: both missing, expected one at least")
    if args.image is not None and not model.first.weights.run.reads_image:
        raise ConfigError(f"IMAGE: found {args.image}, expected none: {model.name} was trained without images")
    if args.image is not None and args.output.resolve() == args.image.resolve():
        raise ConfigError(f"--output: {args.output}: is the image itself, expected another place")


def _removed(whole: MaskSummary, kept: MaskSummary) -> dict[str, int]:
    return {"removed_bodies": whole.bodies - kept.bodies, "removed_voxels": whole.voxels - kept.voxels}


def _check_options(args: argparse.Namespace) -> None:
    if args.patient is not None and args.expression is None:
        raise ConfigError("--patient: only with --expression, whose sample it names")
    if not 0 <= args.max_missing < 1:
        raise ConfigError(f"--max-missing: found {args.max_missing:g}, expected a share from 0 to below 1")
