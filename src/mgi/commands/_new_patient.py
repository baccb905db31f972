"""A new patient for a released model: image and genes as they are read, what may be wrong, and what a report says."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import mgi
from mgi.commands._new_modalities import NewModality, beside_genes, modalities_said, read_modalities
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.ids import barcode_of, same_id
from mgi.modalities.rna.new_patient import NewExpression, read_new_expression
from mgi.release.ensemble import Model
from mgi.release.new_image import NewImage, read_new_image
from mgi.release.training_range import Flag, gene_flags, image_flags

Genes = tuple[NewExpression | None, NDArray[np.float32] | None]  # as read, and as the network takes them


@dataclass(frozen=True, kw_only=True)
class NewPatient:
    """What was read: `genes` as each member takes them, with what it reads beside them, and `modalities` by name; the
    flags so far, and those called `far` that were forced."""

    image: NewImage | None
    genes: Sequence[Genes]
    modalities: Mapping[str, NewModality]
    flags: Sequence[Flag]
    far: Sequence[str]

    @property
    def scaled(self) -> list[NDArray[np.float32] | None]:
        """The numbers as the networks take them."""
        return [scaled for _, scaled in self.genes]

    @property
    def expression(self) -> NewExpression | None:
        """The genes as they were read, by the member whose list misses most."""
        read = (own for own, _ in self.genes if own is not None)
        return max(read, key=lambda own: len(own.missing), default=None)


def read_patient(args: argparse.Namespace, model: Model) -> NewPatient:
    """Read what is given. Raises BadInputError where the image is far from training's and nothing forces it."""
    if args.expression is not None and not model.first.reads_genes:
        raise ConfigError(f"--expression: {model.name} was trained without genes; leave it out")
    new, flags, far = None, list[Flag](), list[str]()
    if args.image is not None:
        new = read_new_image(args.image, args.series, args.volume, model.first.weights.model.channels)
        flags = each_once(
            flag
            for member in model.members
            for flag in image_flags(new.images, member.training_range, new.warning, new.not_axial)
        )
        far = require_near(args.image, flags, force=args.force)
    genes = _read_genes(args, model, new)
    expression = genes[0][0]
    modalities = read_modalities(args, model, None if expression is None else expression.sample)
    genes = [
        (own, None if scaled is None else beside_genes(scaled, member, modalities))
        for (own, scaled), member in zip(genes, model.members, strict=True)
    ]
    flags += [flag for name, one in modalities.items() for flag in one.flag(name)]
    return NewPatient(image=new, genes=genes, modalities=modalities, flags=flags, far=far)


def require_near(image: Path, flags: Sequence[Flag], *, force: bool) -> list[str]:
    """The flags that call the image far from those of training. Raises BadInputError where there are, unless forced."""
    far = [flag for flag in flags if flag.far]
    if far and not force:
        said = "; ".join(f"flag {flag.flag}: {flag.message}" for flag in far)
        raise BadInputError(
            f"{image}: {said}; the model has seen none like it: expected one as in training, or --force"
        )
    return [flag.flag for flag in far]


def _read_genes(args: argparse.Namespace, model: Model, new: NewImage | None) -> list[Genes]:
    """The patient's genes as each member was trained on them, by its own list and scaler."""
    if args.expression is None:
        return [(None, None)] * len(model.members)
    how = {"unit": model.first.expression_unit, "patient": args.patient, "max_missing": args.max_missing}
    read = [read_new_expression(args.expression, member.fitted, **how) for member in model.members]
    _require_one_patient(None if new is None else new.patient_id, read[0].sample, args)
    return [
        (own, member.fitted.transform(own.values[np.newaxis])[0])
        for own, member in zip(read, model.members, strict=True)
    ]


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


def flags_of_genes(model: Model, genes: Sequence[Genes]) -> list[Flag]:
    """Flags of the genes, as any member raises them."""
    pairs = zip(model.members, genes, strict=True)
    return [
        flag
        for member, (own, scaled) in pairs
        for flag in gene_flags(
            own, None if scaled is None else scaled[: len(member.fitted.gene_ids)], member.training_range
        )
    ]


def each_once(raised: Iterable[Flag]) -> list[Flag]:
    """Each kind once, as the first member says it that raises it, or the first for which the image is far."""
    flags: dict[str, Flag] = {}
    for flag in raised:
        known = flags.setdefault(flag.flag, flag)
        if flag.far and not known.far:
            flags[flag.flag] = flag
    return list(flags.values())


def genes_said(model: Model, patient: NewPatient) -> str:
    """Whose genes were used, if any, and whose further modalities."""
    if patient.expression is not None:
        return f"genes of {patient.expression.sample}{modalities_said(model, patient.modalities)}"
    return "without genes (null token)" if model.first.reads_genes else "the model reads no genes"


def report_of(args: argparse.Namespace, model: Model, patient: NewPatient, flags: Sequence[Flag]) -> dict[str, Any]:
    """What every report says: of the image, the genes, the flags and the model."""
    new, expression = patient.image, patient.expression
    genes: dict[str, Any] = {"used": genes_said(model, patient)}
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
        "image": None if new is None else args.image.name,
        "kind": None if new is None else new.kind,
        "image_sha256": None if new is None else new.images.source,
        "genes": genes,
        **({"modalities": modalities} if (modalities := _of_modalities(model, patient)) else {}),
        "flags": [asdict(flag) for flag in flags],
        "notes": [] if new is None else list(new.notes),
        "model": {
            "run": model.name,
            "members": [member.weights.run.key for member in model.members],
            "digest": model.digest,
            "simulated": any(member.simulated for member in model.members),
        },
        "versions": {"mgi": mgi.__version__, "torch": torch.__version__},
        "use": "research only",
        "forced": list(patient.far),
    }


def _of_modalities(model: Model, patient: NewPatient) -> dict[str, Any]:
    """What a report says of each modality that the model reads beside expression; null of one that was not given."""
    given = patient.modalities
    return {name: given[name].record() if name in given else None for name in model.first.further}
