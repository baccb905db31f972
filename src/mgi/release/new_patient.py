"""A new patient for a released model: image and genes as they are read, what may be wrong, and what a report says."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import mgi
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.ids import barcode_of, same_id
from mgi.modalities.rna.new_patient import ExpressionFile, NewExpression
from mgi.release.asked import Asked
from mgi.release.ensemble import Model
from mgi.release.new_image import NewImage, read_new_image
from mgi.release.training_range import Flag, gene_flags, image_flags

Genes = tuple[NewExpression | None, NDArray[np.float32] | None]  # as read, and as the network takes them


@dataclass(frozen=True, kw_only=True)
class NewPatient:
    """What was read: `genes` as each member takes them, the flags so far, and those called `far` that were forced.

    `doubt` is said where the names of image and sample differ, and neither is a barcode that would settle it.
    """

    image: NewImage | None
    genes: Sequence[Genes]
    flags: Sequence[Flag]
    far: Sequence[str]
    doubt: str | None = None

    @property
    def scaled(self) -> list[NDArray[np.float32] | None]:
        """The genes as the networks take them."""
        return [scaled for _, scaled in self.genes]

    @property
    def expression(self) -> NewExpression | None:
        """The genes as they were read, by the member whose list misses most."""
        read = (own for own, _ in self.genes if own is not None)
        return max(read, key=lambda own: len(own.missing), default=None)


class ExpressionFiles:
    """Files of expression as the members of a model read them; one that many patients share is kept."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._open: dict[Path, list[ExpressionFile]] = {}

    def genes_of(self, asked: Asked) -> list[Genes]:
        """The patient's genes as each member was trained on them, by its own list and scaler."""
        members = self._model.members
        if asked.expression is None:
            return [(None, None)] * len(members)
        files = self._open.get(asked.expression)
        if files is None:
            unit = self._model.first.expression_unit
            files = [ExpressionFile(asked.expression, member.fitted, unit) for member in members]
            self._open = {asked.expression: files}  # the last one alone
        read = [file.read(asked.sample, asked.max_missing) for file in files]
        return [
            (own, member.fitted.transform(own.values[np.newaxis])[0]) for own, member in zip(read, members, strict=True)
        ]


def read_patient(asked: Asked, model: Model, files: ExpressionFiles | None = None) -> NewPatient:
    """Read what is given; `files` keeps expression that further patients share.

    Raises BadInputError where the image is far from training's and nothing forces it, and ConfigError where image and
    genes are those of two patients, or the model reads no genes.
    """
    if asked.expression is not None and not model.first.reads_genes:
        raise ConfigError(f"--expression: {model.name} was trained without genes; leave it out")
    new, flags, far = None, list[Flag](), list[str]()
    if asked.image is not None:
        new = read_new_image(asked.image, asked.series, asked.volume, model.first.weights.model.channels)
        flags = each_once(
            flag
            for member in model.members
            for flag in image_flags(new.images, member.training_range, new.warning, new.not_axial)
        )
        far = require_near(asked.image, flags, force=asked.force)
    genes = (files or ExpressionFiles(model)).genes_of(asked)
    sample = genes[0][0].sample if genes[0][0] is not None else None
    doubt = None if new is None or sample is None else doubt_of_names(new.patient_id, sample, asked)
    return NewPatient(image=new, genes=genes, flags=flags, far=far, doubt=doubt)


def require_near(image: Path, flags: Sequence[Flag], *, force: bool) -> list[str]:
    """The flags that call the image far from those of training. Raises BadInputError where there are, unless forced."""
    far = [flag for flag in flags if flag.far]
    if far and not force:
        said = "; ".join(f"flag {flag.flag}: {flag.message}" for flag in far)
        raise BadInputError(
            f"{image}: {said}; the model has seen none like it: expected one as in training, or --force"
        )
    return [flag.flag for flag in far]


def doubt_of_names(image_id: str | None, sample: str, asked: Asked) -> str | None:
    """What to say where the ids of image and genes differ and are no barcodes; a sample that nobody chose needs none.

    Raises ConfigError where image and genes are those of two patients by their barcodes.
    """
    if image_id is None or same_id(image_id) == same_id(sample):
        return None
    image, genes = barcode_of(image_id), barcode_of(sample)
    if image is None or genes is None:
        return None if asked.sample is None else f"the image says PatientID {image_id!r}, the genes are of {sample!r}"
    if image.patient_id != genes.patient_id:
        raise ConfigError(
            f"{asked.image}: PatientID {image_id!r}, but --expression is of {sample!r}; expected both of one patient"
        )
    return None


def flags_of_genes(model: Model, genes: Sequence[Genes]) -> list[Flag]:
    """Flags of the genes, as any member raises them."""
    pairs = zip(model.members, genes, strict=True)
    return [flag for member, (own, scaled) in pairs for flag in gene_flags(own, scaled, member.training_range)]


def each_once(raised: Iterable[Flag]) -> list[Flag]:
    """Each kind once, as the first member says it that raises it, or the first for which the image is far."""
    flags: dict[str, Flag] = {}
    for flag in raised:
        known = flags.setdefault(flag.flag, flag)
        if flag.far and not known.far:
            flags[flag.flag] = flag
    return list(flags.values())


def genes_said(model: Model, expression: NewExpression | None) -> str:
    """Whose genes were used, if any."""
    if expression is not None:
        return f"genes of {expression.sample}"
    return "without genes (null token)" if model.first.reads_genes else "the model reads no genes"


def report_of(asked: Asked, model: Model, patient: NewPatient, flags: Sequence[Flag]) -> dict[str, Any]:
    """What every report says: of the image, the genes, the flags and the model."""
    new, expression = patient.image, patient.expression
    genes: dict[str, Any] = {"used": genes_said(model, expression)}
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
        "image": None if asked.image is None else asked.image.name,
        "kind": None if new is None else new.kind,
        "image_sha256": None if new is None else new.images.source,
        "genes": genes,
        "flags": [asdict(flag) for flag in flags],
        "notes": [] if new is None else list(new.notes),
        "model": {
            "run": model.name,
            "members": [member.weights.run.key for member in model.members],
            "digest": model.digest,
            "simulated": model.simulated,
        },
        "versions": {"mgi": mgi.__version__, "torch": torch.__version__},
        "use": "research only",
        "forced": list(patient.far),
    }
