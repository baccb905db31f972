"""Use a released model on new patients: a mask on the image's own grid, or a class or a risk; and what may be wrong.

IMAGE: a NIfTI file, a folder of DICOM files (or one file), or a folder of slices, TIFF or PNG. OUTPUT of a model that
segments: NIfTI for the first two, a folder of <slice>_mask for the last; beside it a .json with sizes and quality
flags. OUTPUT of one that tells classes or risk: the .json alone; then genes are enough, and IMAGE may be left out. An
image far from those of training is refused.

Of a cohort, --table or --folder names the patients in place of IMAGE, and OUTPUT is a folder: what each gets, and last
patients.csv. What is there already is not made again, and one bad patient does not stop the others.
"""

import argparse
import sys
from pathlib import Path

import torch

from mgi.commands._device import device
from mgi.commands._many_patients import predict_all
from mgi.commands._modalities import read_pairs
from mgi.commands._run_options import add_device
from mgi.core.errors import ConfigError
from mgi.modalities.slides.reader import LEAST_MPP, MOST_MPP
from mgi.release.ensemble import Model, load_model, load_together
from mgi.release.new_image import check_output, kind_of
from mgi.release.patient_list import patients_in_folder, patients_in_table
from mgi.release.prediction import predict
from mgi.release.request import MAX_MISSING, PredictionRequest
from mgi.tasks.registry import reads_labels

MOST_NAMED = 3


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("image", type=Path, metavar="IMAGE", nargs="?")
    options.add_argument(
        "--table", type=Path, metavar="PATIENTS",
        help="in place of IMAGE: TSV or CSV with patient, and any of image, expression, sample, series, volume, or a "
        "modality that the model reads",
    )  # fmt: skip
    options.add_argument(
        "--folder", type=Path, metavar="IMAGES",
        help="in place of IMAGE: a folder with a NIfTI file or a folder for each patient, of whom it has the name",
    )  # fmt: skip
    options.add_argument("--model", type=Path, help="folder that `mgi release` wrote, of one run or of an ensemble")
    options.add_argument(
        "--ensemble", type=Path, nargs="+", metavar="MODEL",
        help="in place of --model: releases of several runs, such as one of each fold, that answer by their mean",
    )  # fmt: skip
    options.add_argument(
        "--output", required=True, type=Path,
        help="mask.nii.gz, or a folder for slices; answer.json of class or risk; a folder of a cohort",
    )  # fmt: skip
    options.add_argument(
        "--slide", type=Path, metavar="SLIDE",
        help="in place of IMAGE, or beside it, for a model of slides: SVS, TIFF, NDPI, SCN, or .h5 of tiles' vectors",
    )  # fmt: skip
    options.add_argument("--tile-weights", type=Path, metavar="FILE", help="of the encoder of tiles, where it has such")
    options.add_argument("--mpp", type=float, help="micrometres a pixel of a slide that states none, or a wrong one")
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
    options.add_argument("--probabilities", action="store_true", help="write them too, as <mask>_probability")
    options.add_argument("--force", action="store_true", help="go on with an image that is far from training's")
    options.add_argument("--threads", type=int, metavar="N", help="of the CPU (default: all cores)")
    add_device(options)


def run(args: argparse.Namespace) -> None:
    _check_options(args)
    place = device(args)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    model = load_model(args.model) if args.ensemble is None else load_together(args.ensemble)
    if model.simulated:
        print(f"{model.name} was trained on SIMULATED patients: of real ones it says nothing", flush=True)
    request = PredictionRequest(
        image=args.image,
        slide=args.slide,
        tile_weights=args.tile_weights,
        mpp=args.mpp,
        series=args.series,
        volume=args.volume,
        expression=args.expression,
        modalities={name: Path(path) for name, path in read_pairs(args.modality, "--modality").items()},
        sample=args.patient,
        max_missing=args.max_missing,
        force=args.force,
        largest_component=args.largest_component,
    )
    if args.probabilities and reads_labels(model.first.weights.run.task):
        raise ConfigError(f"--probabilities: {model.name} draws no mask, and its answer has them; leave it out")
    if args.table is None and args.folder is None:
        _one(args, model, request, place)
        return
    if args.table is not None:
        listed = patients_in_table(args.table, request, sorted(model.first.further))
    else:
        listed, left_out = patients_in_folder(args.folder, request)
        if left_out:
            shown = ", ".join(left_out[:MOST_NAMED]) + (", …" if len(left_out) > MOST_NAMED else "")
            print(f"{args.folder}: {len(left_out)} files are no patient's image and left out: {shown}", file=sys.stderr)
    predict_all(model, listed, args.output, place, probabilities=args.probabilities)


def _one(args: argparse.Namespace, model: Model, request: PredictionRequest, place: torch.device) -> None:
    """Write the mask or the answer of one patient, and say what may be wrong."""
    if not reads_labels(model.first.weights.run.task):
        if args.image is None:
            raise ConfigError(f"IMAGE: missing, expected an image: {model.name} segments")
        check_output(kind_of(args.image), args.image, args.output)
    elif args.output.suffix != ".json":
        raise ConfigError(
            f"--output: found {args.output}, expected a name that ends in .json: {model.name} draws no mask"
        )
    elif args.output.resolve() in [one.resolve() for one in (args.image, args.slide) if one is not None]:
        raise ConfigError(f"--output: {args.output}: is the image itself, expected another place")
    found = predict(model, request, place)
    if found.patient.doubt is not None:
        print(f"note: {found.patient.doubt}", file=sys.stderr)
    found.write(args.output, probabilities=args.probabilities)
    print(f"{args.output}: {found.said()}")
    for flag in found.flags:
        print(f"flag {flag.flag}: {flag.message}", file=sys.stderr)


def _check_options(args: argparse.Namespace) -> None:
    if (args.model is None) == (args.ensemble is None):
        raise ConfigError("--model and --ensemble: expected one of them")
    of_many = [name for name in ("table", "folder") if getattr(args, name) is not None]
    if len(of_many) + (args.image is not None or args.slide is not None) > 1:
        raise ConfigError("IMAGE or --slide, --table and --folder: expected one of them")
    for name in ("patient", "series"):
        if of_many and getattr(args, name) is not None:
            column = "sample" if name == "patient" else name
            raise ConfigError(f"--{name}: only of one patient; of a cohort it is the column {column} of --table")
    _check_slide(args)
    if args.folder is not None and args.output.resolve().is_relative_to(args.folder.resolve()):
        raise ConfigError(f"--output: {args.output}: lies in --folder, where its masks would be taken for patients")
    if args.patient is not None and args.expression is None and not args.modality:
        raise ConfigError("--patient: only with --expression or --modality, whose sample it names")
    if not 0 <= args.max_missing < 1:
        raise ConfigError(f"--max-missing: found {args.max_missing:g}, expected a share from 0 to below 1")
    if args.threads is not None and args.threads < 1:
        raise ConfigError(f"--threads: found {args.threads}, expected 1 or more")


def _check_slide(args: argparse.Namespace) -> None:
    for name in ("tile_weights", "mpp"):
        if args.slide is None and args.table is None and vars(args)[name] is not None:
            raise ConfigError(f"--{name.replace('_', '-')}: only with --slide, or --table with such a column")
    if args.mpp is not None and not LEAST_MPP <= args.mpp <= MOST_MPP:
        raise ConfigError(f"--mpp: found {args.mpp:g}, expected {LEAST_MPP:g} to {MOST_MPP:g}")
