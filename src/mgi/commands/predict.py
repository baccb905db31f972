"""Segment a new patient with a released model: a mask on the image's own grid, and what may be wrong with it.

IMAGE: a NIfTI file, a folder of DICOM files (or one file), or a folder of slices, TIFF or PNG. OUTPUT: NIfTI for the
first two, a folder of <slice>_mask for the last; beside it a .json with sizes and quality flags. An image far from
those of training is refused.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import mgi
from mgi.commands._device import device
from mgi.commands._run_options import add_device
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import write_json
from mgi.core.ids import barcode_of, same_id
from mgi.modalities.rna.new_patient import NewExpression, read_new_expression
from mgi.release.ensemble import Model, load_model
from mgi.release.mask_summary import MaskSummary, largest_body, summarise_mask
from mgi.release.new_image import NewImage, check_output, kind_of, read_new_image, report_path, write_new_mask
from mgi.release.package import segment_patient
from mgi.release.training_range import Flag, gene_flags, image_flags, mask_flags
from mgi.tasks.segmentation.dice import at_least

MAX_MISSING = 0.1
Genes = tuple[NewExpression | None, NDArray[np.float32] | None]  # as read, and as the network takes them


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("image", type=Path, metavar="IMAGE")
    options.add_argument(
        "--model", required=True, type=Path, help="folder that `mgi release` wrote, of one run or of an ensemble"
    )
    options.add_argument("--output", required=True, type=Path, help="mask.nii.gz, or a folder for slices")
    options.add_argument("--series", help="SeriesInstanceUID, where a DICOM folder holds several FLAIR")
    options.add_argument(
        "--volume", type=int, metavar="N", help="counted from 0, where a NIfTI file has four axes and several volumes"
    )
    options.add_argument("--expression", type=Path, help="table with the patient's expression, or its STAR-Counts file")
    options.add_argument("--patient", help="the patient's label in that table, where it holds several")
    options.add_argument(
        "--max-missing", type=float, default=MAX_MISSING, metavar="SHARE",
        help="of the model's genes that may lack a value (default: %(default)s)",
    )  # fmt: skip
    options.add_argument("--largest-component", action="store_true", help="keep the mask's largest component alone")
    options.add_argument("--force", action="store_true", help="write a mask of an image that is far from training's")
    add_device(options)


def run(args: argparse.Namespace) -> None:
    _check_options(args)
    check_output(kind_of(args.image), args.image, args.output)
    place, model = device(args), load_model(args.model)
    if args.expression is not None and not model.first.reads_genes:
        raise ConfigError(f"--expression: {model.name} was trained without genes; leave it out")
    new = read_new_image(args.image, args.series, args.volume, model.first.weights.model.channels)
    flags = _each_once(
        flag
        for member in model.members
        for flag in image_flags(new.images, member.training_range, new.warning, new.not_axial)
    )
    far = require_near(args.image, flags, force=args.force)
    genes = _read_genes(args, model, new)
    probability = segment_patient(model.members, new.images, [scaled for _, scaled in genes], place)
    mask = at_least(probability, model.first.threshold).astype(np.uint8)
    whole = summarise_mask(mask, new.images.affine)
    flags += _flags_of_mask_and_genes(model, whole, genes)
    if args.largest_component:
        mask = largest_body(mask)
    summary = summarise_mask(mask, new.images.affine)
    expression = max((own for own, _ in genes if own is not None), key=lambda own: len(own.missing), default=None)
    report_path(args.output).unlink(missing_ok=True)  # it is written last: with it, the masks are whole
    paths = write_new_mask(new, mask, args.output)
    files = {"image": args.image.name, "masks": [path.name for path in paths]}
    choices = {
        "forced": far,
        "largest_component": _removed(whole, summary) if args.largest_component else None,
    }
    write_json(report_path(args.output), {**files, **_report(model, new, expression, summary, flags), **choices})
    for flag in flags:
        print(f"flag {flag.flag}: {flag.message}", file=sys.stderr)
    volume = "" if summary.volume_ml is None else f", {summary.volume_ml:.1f} mL"
    print(f"{args.output}: {summary.voxels} voxels on {summary.slices} slices{volume}; {_genes(model, expression)}; "
          f"{len(flags)} flags")  # fmt: skip


def require_near(image: Path, flags: Sequence[Flag], *, force: bool) -> list[str]:
    """The flags that call the image far from those of training. Raises BadInputError where there are, unless forced."""
    far = [flag for flag in flags if flag.far]
    if far and not force:
        said = "; ".join(f"flag {flag.flag}: {flag.message}" for flag in far)
        raise BadInputError(
            f"{image}: {said}; the model has seen none like it: expected one as in training, or --force"
        )
    return [flag.flag for flag in far]


def _removed(whole: MaskSummary, kept: MaskSummary) -> dict[str, int]:
    return {"removed_bodies": whole.bodies - kept.bodies, "removed_voxels": whole.voxels - kept.voxels}


def _read_genes(args: argparse.Namespace, model: Model, new: NewImage) -> list[Genes]:
    """The patient's genes as each member was trained on them, by its own list and scaler."""
    if args.expression is None:
        return [(None, None)] * len(model.members)
    how = {"unit": model.first.expression_unit, "patient": args.patient, "max_missing": args.max_missing}
    read = [read_new_expression(args.expression, member.fitted, **how) for member in model.members]
    _require_one_patient(new.patient_id, read[0].sample, args)
    return [
        (own, member.fitted.transform(own.values[np.newaxis])[0])
        for own, member in zip(read, model.members, strict=True)
    ]


def _flags_of_mask_and_genes(model: Model, summary: MaskSummary, genes: list[Genes]) -> list[Flag]:
    return _each_once(
        flag
        for member, (expression, scaled) in zip(model.members, genes, strict=True)
        for flag in [
            *mask_flags(summary, member.training_range), *gene_flags(expression, scaled, member.training_range)
        ]
    )  # fmt: skip


def _each_once(raised: Iterable[Flag]) -> list[Flag]:
    """Each kind once, as the first member says it that raises it, or the first for which the image is far."""
    flags: dict[str, Flag] = {}
    for flag in raised:
        known = flags.setdefault(flag.flag, flag)
        if flag.far and not known.far:
            flags[flag.flag] = flag
    return list(flags.values())


def _require_one_patient(image_id: str | None, sample: str, args: argparse.Namespace) -> None:
    """Raise ConfigError where image and genes are those of two patients by their barcodes; other ids are only told."""
    if image_id is None or same_id(image_id) == same_id(sample):
        return
    image, genes = barcode_of(image_id), barcode_of(sample)
    if image is None or genes is None:
        if args.patient is not None:
            print(f"note: the image says PatientID {image_id!r}, the genes are of {sample!r}", file=sys.stderr)
    elif image.patient_id != genes.patient_id:
        raise ConfigError(
            f"{args.image}: PatientID {image_id!r}, but --expression is of {sample!r}; expected both of one patient"
        )


def _check_options(args: argparse.Namespace) -> None:
    if args.patient is not None and args.expression is None:
        raise ConfigError("--patient: only with --expression, whose sample it names")
    if not 0 <= args.max_missing < 1:
        raise ConfigError(f"--max-missing: found {args.max_missing:g}, expected a share from 0 to below 1")


def _genes(model: Model, expression: NewExpression | None) -> str:
    if expression is not None:
        return f"genes of {expression.sample}"
    return "without genes (null token)" if model.first.reads_genes else "the model reads no genes"


def _report(
    model: Model, new: NewImage, expression: NewExpression | None, summary: MaskSummary, flags: list[Flag]
) -> dict[str, Any]:
    genes: dict[str, Any] = {"used": _genes(model, expression)}
    if expression is not None:
        genes |= {
            "sample": expression.sample,
            "unit": model.first.expression_unit,
            "expected": expression.n_genes,
            "missing": len(expression.missing),
            "missing_share": round(expression.missing_share, 4),
            "filled_with": expression.filled_with if expression.missing else None,
            "missing_genes": list(expression.missing),
            "renamed_genes": list(expression.renamed),
            "no_genes": dict(expression.no_genes),
        }
    return {
        "kind": new.kind,
        "image_sha256": new.images.source,
        "mask": asdict(summary),
        "genes": genes,
        "flags": [asdict(flag) for flag in flags],
        "notes": list(new.notes),
        "threshold": model.first.threshold,
        "model": {
            "run": model.name,
            "members": [member.weights.run.key for member in model.members],
            "digest": model.digest,
            "simulated": any(member.simulated for member in model.members),
        },
        "versions": {"mgi": mgi.__version__, "torch": torch.__version__},
        "use": "research only",
    }
