"""A new patient for a released model: image and genes as they are read, what may be wrong, and what a report says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import mgi
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.ids import barcode_of, same_id
from mgi.modalities.rna.new_patient import ExpressionFile, NewExpression
from mgi.release.ensemble import Model
from mgi.release.new_image import NewImage, read_new_image
from mgi.release.new_modalities import NewModality, beside_genes, modalities_said, read_modalities
from mgi.release.new_slide import NewSlide, read_new_slide
from mgi.release.package import Release, tile_moments
from mgi.release.request import PredictionRequest
from mgi.release.slide_range import TileSource, slide_flags
from mgi.release.training_range import Flag, TrainingRange, gene_flags, image_flags

Genes = tuple[NewExpression | None, NDArray[np.float32] | None]  # as read, and as the network takes them


@dataclass(frozen=True, kw_only=True)
class NewPatient:
    """What was read: `genes` as each member takes them, with what it reads beside them, and `modalities` by name; the
    flags so far, and those called `far` that were forced.

    `doubt` is said where the names of image and sample differ, and neither is a barcode that would settle it.
    """

    image: NewImage | None
    genes: Sequence[Genes]
    flags: Sequence[Flag]
    far: Sequence[str]
    doubt: str | None = None
    slide: NewSlide | None = None
    modalities: Mapping[str, NewModality] = field(default_factory=dict)

    @property
    def scaled(self) -> list[NDArray[np.float32] | None]:
        """The numbers as the networks take them."""
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

    def genes_of(self, request: PredictionRequest) -> list[Genes]:
        """The patient's genes as each member was trained on them, by its own list and scaler."""
        members = self._model.members
        if request.expression is None:
            return [(None, None)] * len(members)
        files = self._open.get(request.expression)
        if files is None:
            unit = self._model.first.expression_unit
            files = [ExpressionFile(request.expression, member.fitted, unit) for member in members]
            self._open = {request.expression: files}  # the last one alone
        read = [file.read(request.sample, request.max_missing) for file in files]
        return [
            (own, member.fitted.transform(own.values[np.newaxis])[0]) for own, member in zip(read, members, strict=True)
        ]


def read_patient(request: PredictionRequest, model: Model, files: ExpressionFiles | None = None) -> NewPatient:
    """Read what is given; `files` keeps expression that further patients share.

    Raises BadInputError where the image is far from training's and nothing forces it, and ConfigError where image and
    genes are those of two patients, or the model reads no genes.
    """
    if request.expression is not None and not model.first.reads_expression:
        without = "expression" if model.first.reads_genes else "genes"
        raise ConfigError(f"--expression: {model.name} was trained without {without}; leave it out")
    new, slide, flags, far = None, None, list[Flag](), list[str]()
    if request.slide is not None:
        slide = read_new_slide(request.slide, _tiles_of(model), request.tile_weights, request.mpp)
        flags = each_once(flag for member in model.members for flag in _flags_of_slide(slide, member))
        far = require_near(request.slide, flags, force=request.force)
    if request.image is not None:
        new = read_new_image(request.image, request.series, request.volume, model.first.weights.model.channels)
        flags += each_once(
            flag
            for member in model.members
            if isinstance(trained := member.training_range, TrainingRange)
            for flag in image_flags(new.images, trained, new.warning, new.not_axial)
        )
        far = require_near(request.image, flags, force=request.force)
    if new is not None and slide is not None:
        require_one_patient(request, new.patient_id, slide.patient_id)
    genes = (files or ExpressionFiles(model)).genes_of(request)
    sample = genes[0][0].sample if genes[0][0] is not None else None
    named = next((one.patient_id for one in (new, slide) if one is not None), None)
    doubt = None if sample is None else doubt_of_names(named, sample, request)
    modalities = read_modalities(request, model, sample)
    for name, one in list(modalities.items())[: 1 if sample is None else 0]:
        doubt = doubt_of_names(named, one.read.sample, request, f"--modality {name}")
    flags += [flag for name, one in modalities.items() for flag in one.flag(name)]
    genes = [
        (own, None if scaled is None and not modalities else beside_genes(scaled, member, modalities))
        for (own, scaled), member in zip(genes, model.members, strict=True)
    ]
    return NewPatient(
        image=new, slide=slide, genes=genes, modalities=modalities, flags=flags, far=far, doubt=doubt
    )  # fmt: skip


def _tiles_of(model: Model) -> TileSource:
    """The tiles that all members read. Raises ConfigError where they read none, or different ones."""
    first = model.first.tiles
    if first is None:
        raise ConfigError(f"--slide: {model.name} was trained without slides; leave it out")
    if any(member.tiles != first for member in model.members[1:]):
        raise ConfigError(f"--slide: the members of {model.name} read tiles of different encoders or sizes")
    return first


def _flags_of_slide(slide: NewSlide, member: Release) -> Iterator[Flag]:
    trained = member.of_slides
    assert trained is not None
    yield from slide_flags(slide.bag, tile_moments(member.weights), trained)


def require_one_patient(request: PredictionRequest, scan: str | None, slide: str | None) -> None:
    """Raise ConfigError where scan and slide are those of two patients by their barcodes."""
    both = [None if name is None else barcode_of(name) for name in (scan, slide)]
    if None not in both and len({one.patient_id for one in both if one is not None}) > 1:
        raise ConfigError(
            f"{request.slide}: a slide of {slide}, but {request.image} is of {scan}; expected both of one patient"
        )


def require_near(image: Path, flags: Sequence[Flag], *, force: bool) -> list[str]:
    """The flags that call the image far from those of training. Raises BadInputError where there are, unless forced."""
    far = [flag for flag in flags if flag.far]
    if far and not force:
        said = "; ".join(f"flag {flag.flag}: {flag.message}" for flag in far)
        raise BadInputError(
            f"{image}: {said}; the model has seen none like it: expected one as in training, or --force"
        )
    return [flag.flag for flag in far]


def doubt_of_names(
    image_id: str | None, sample: str, request: PredictionRequest, option: str = "--expression"
) -> str | None:
    """What to say where the ids of image and genes differ and are no barcodes; a sample that nobody chose needs none.

    `option` names the file of the sample.

    Raises ConfigError where image and genes are those of two patients by their barcodes.
    """
    if image_id is None or same_id(image_id) == same_id(sample):
        return None
    image, genes = barcode_of(image_id), barcode_of(sample)
    if image is None or genes is None:
        return None if request.sample is None else f"the image says PatientID {image_id!r}, the genes are of {sample!r}"
    if image.patient_id != genes.patient_id:
        raise ConfigError(
            f"{request.slide or request.image}: PatientID {image_id!r}, but {option} is of {sample!r}; "
            "expected both of one patient"
        )
    return None


def flags_of_genes(model: Model, genes: Sequence[Genes]) -> list[Flag]:
    """Flags of the genes, as any member raises them."""
    flags = list[Flag]()
    for member, (own, scaled) in zip(model.members, genes, strict=True):
        alone = None if own is None or scaled is None else scaled[: len(member.fitted.gene_ids)]
        flags += gene_flags(own, alone, member.training_range.expression)
    return flags


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
    further = modalities_said(model, patient.modalities)
    if patient.expression is not None:
        return ", ".join([f"genes of {patient.expression.sample}", *further])
    if patient.modalities:
        return ", ".join([*(["genes: null token"] if model.first.reads_expression else []), *further])
    return "without genes (null token)" if model.first.reads_genes else "the model reads no genes"


def report_of(request: PredictionRequest, model: Model, patient: NewPatient, flags: Sequence[Flag]) -> dict[str, Any]:
    """What every report says: of the image, the genes, the flags and the model."""
    new, slide, expression = patient.image, patient.slide, patient.expression
    seen, source, beside = request.slide or request.image, slide, dict[str, Any]()
    if request.slide is not None and slide is not None and new is not None:
        seen, source = request.image, None  # the scan; the slide stands beside it
        beside = {"slide": {"name": request.slide.name, "kind": slide.kind, "sha256": slide.sha256}}
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
        "image": None if seen is None else seen.name,
        "kind": source.kind if source is not None else None if new is None else new.kind,
        "image_sha256": source.sha256 if source is not None else None if new is None else new.images.source,
        "genes": genes,
        **({"modalities": _of_modalities(model, patient)} if model.first.further else {}),
        "flags": [asdict(flag) for flag in flags],
        **({} if slide is None else {"tiles": len(slide.bag.corners)}),
        **beside,
        "notes": [note for one in (new, slide) if one is not None for note in one.notes],
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


def _of_modalities(model: Model, patient: NewPatient) -> dict[str, Any]:
    """What a report says of each modality that the model reads beside expression; null of one that was not given."""
    given = patient.modalities
    return {name: given[name].record() if name in given else None for name in model.first.further}
