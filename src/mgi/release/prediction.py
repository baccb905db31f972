"""What a released model says of one patient, ready to be written: a mask with its probabilities, or an answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import write_json
from mgi.core.run import IMAGE, SLIDES
from mgi.release.ensemble import Model
from mgi.release.mask_summary import MaskSummary, largest_body, summarise_mask
from mgi.release.new_image import report_path, write_new_mask, write_new_probability
from mgi.release.new_patient import (
    ExpressionFiles,
    NewPatient,
    each_once,
    flags_of_genes,
    genes_said,
    read_patient,
    report_of,
)
from mgi.release.request import PredictionRequest
from mgi.release.training_range import Flag, TrainingRange, mask_flags
from mgi.release.use import answer_for_patient, segment_patient
from mgi.tasks.registry import reads_labels
from mgi.tasks.segmentation.dice import at_least

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Of one patient: `flags` say what may be wrong, and one of `segmented` and `answer` is there."""

    request: PredictionRequest
    model: Model
    patient: NewPatient
    flags: tuple[Flag, ...]
    segmented: "Segmented | None" = None
    answer: Mapping[str, Any] | None = None

    def report(self) -> dict[str, Any]:
        """All but the masks themselves, as the JSON beside them has it."""
        report = report_of(self.request, self.model, self.patient, self.flags)
        if self.segmented is None:
            return {**report, "answer": self.answer}
        return {
            **report,
            "mask": asdict(self.segmented.summary),
            "threshold": self.model.first.threshold,
            "largest_component": self.segmented.removed if self.request.largest_component else None,
        }

    def write(self, output: Path, *, probabilities: bool = False, more: Mapping[str, Any] | None = None) -> None:
        """Write all to `output`, a name as `mgi predict --output` takes it; the JSON, with `more`, comes last.

        With `probabilities` also those of every voxel. Raises ResourceError where the disk is full.
        """
        report = {**self.report(), **(more or {})}
        if self.segmented is None:
            write_json(output, report)
            return
        new = self.patient.image
        assert new is not None
        report_path(output).unlink(missing_ok=True)  # it is written last: with it, the masks are whole
        report["masks"] = [path.name for path in write_new_mask(new, self.segmented.mask, output)]
        if probabilities:
            paths = write_new_probability(new, self.segmented.probability, output)
            report["probabilities"] = [path.name for path in paths]
        write_json(report_path(output), report)

    @property
    def mask(self) -> NDArray[np.uint8]:
        """The mask (S, H, W) of 0 and 1: slices to the head, rows to the back, columns to the left.

        Raises BadInputError where the model draws none.
        """
        return self._volume().mask

    @property
    def probability(self) -> NDArray[np.float32]:
        """The probability (S, H, W) of tumour in steps of 1/256, on the same grid. Raises as `mask` does."""
        return self._volume().probability.astype(np.float32) / np.float32(256)

    def _volume(self) -> "Segmented":
        if self.segmented is None:
            raise BadInputError(f"{self.model.name}: draws no mask, its answer is `answer`")
        return self.segmented

    def said(self) -> str:
        """It in one line."""
        image = "" if self.segmented is not None else f"{self._image_said()}; "
        genes = genes_said(self.model, self.patient)
        return f"{self._found_said()}; {image}{genes}; {len(self.flags)} flags"

    def _found_said(self) -> str:
        if self.segmented is not None:
            summary = self.segmented.summary
            volume = "" if summary.volume_ml is None else f", {summary.volume_ml:.1f} mL"
            return f"{summary.voxels} voxels on {summary.slices} slices{volume}"
        answer = self.answer or {}
        if "probability" in answer:
            return f"{answer['target']} {answer['class']} with probability {answer['probability'][answer['class']]:.3f}"
        trained = "; ".join(f"{one['patients']} with {one['events']} events" for one in answer["training_patients"])
        above = f"{answer['risk_quantile']:.0%} of the training patients ({trained})"
        return f"{answer['endpoint']} risk above that of {above}"

    def _image_said(self) -> str:
        seen = [one.name for one in (self.request.image, self.request.slide) if one is not None]
        return " and ".join(seen) or "without an image"


@dataclass(frozen=True, kw_only=True)
class Segmented:
    """A mask (S, H, W) of 0 and 1 and the bytes floor(256 p) that it was cut from, on the stored axes of the image.

    `whole` is what the network marked, `summary` what is left of it.
    """

    mask: NDArray[np.uint8]
    probability: NDArray[np.uint8]
    whole: MaskSummary
    summary: MaskSummary

    @property
    def removed(self) -> dict[str, int]:
        """What went with all components but the largest."""
        bodies, voxels = (getattr(self.whole, name) - getattr(self.summary, name) for name in ("bodies", "voxels"))
        return {"removed_bodies": bodies, "removed_voxels": voxels}


def predict(
    model: Model, request: PredictionRequest, device: torch.device = CPU, files: ExpressionFiles | None = None
) -> Prediction:
    """What the model says of a patient; `files` keeps expression that further patients share.

    Raises BadInputError where a file cannot be used or the image is far from those of training, and ConfigError where
    what is asked does not go with the model.
    """
    if reads_labels(model.first.weights.run.task):
        return _answered(model, request, device, files)
    if request.slide is not None:
        raise ConfigError(f"--slide: found {request.slide}, expected none: {model.name} segments scans")
    if request.image is None:
        raise ConfigError(f"IMAGE: missing, expected an image: {model.name} segments")
    patient = read_patient(request, model, files)
    new, threshold = patient.image, model.first.threshold
    assert new is not None
    assert threshold is not None
    probability = segment_patient(model.members, new.images, patient.scaled, device)
    mask = at_least(probability, threshold).astype(np.uint8)
    whole = summarise_mask(mask, new.images.affine)
    of_mask = [
        flag
        for member in model.members
        if isinstance(member.training_range, TrainingRange)
        for flag in mask_flags(whole, member.training_range)
    ]
    kept = largest_body(mask) if request.largest_component else mask
    summary = summarise_mask(kept, new.images.affine) if request.largest_component else whole
    return Prediction(
        request=request,
        model=model,
        patient=patient,
        flags=(*patient.flags, *each_once([*of_mask, *flags_of_genes(model, patient.genes)])),
        segmented=Segmented(mask=kept, probability=probability, whole=whole, summary=summary),
    )


def _answered(
    model: Model, request: PredictionRequest, device: torch.device, files: ExpressionFiles | None
) -> Prediction:
    """The answer of a task of labels."""
    if request.largest_component:
        raise ConfigError(f"--largest-component: {model.name} draws no mask; leave it out")
    if model.first.reads_several:
        _require_read(model, request)
        return _of_labels(model, request, device, files)
    seen, named = (request.slide, "--slide") if model.first.tiles is not None else (request.image, "IMAGE")
    if (other := request.image if named == "--slide" else request.slide) is not None:
        kind = "slides" if named == "--slide" else "scans"
        raise ConfigError(f"{other}: found no {named}, expected one or none: {model.name} reads {kind}")
    if seen is None and request.expression is None and not request.modalities:
        genes = "--expression" if model.first.reads_expression or not model.first.further else "--modality"
        raise ConfigError(f"{named} and {genes}: both missing, expected one at least")
    if seen is not None and not model.first.weights.run.reads_image:
        raise ConfigError(f"{named}: found {seen}, expected none: {model.name} was trained without images")
    return _of_labels(model, request, device, files)


def _require_read(model: Model, request: PredictionRequest) -> None:
    """Raise ConfigError where a model of scans and slides is given nothing, or an image that it was trained without."""
    named = {IMAGE: ("IMAGE", request.image), SLIDES: ("--slide", request.slide)}
    for image, (option, given) in named.items():
        if given is not None and image not in model.first.weights.run.images:
            raise ConfigError(f"{option}: found {given}, expected none: {model.name} was trained without it")
    if request.image is None and request.slide is None and request.expression is None:
        raise ConfigError("IMAGE, --slide and --expression: all missing, expected one at least")


def _of_labels(
    model: Model, request: PredictionRequest, device: torch.device, files: ExpressionFiles | None
) -> Prediction:
    patient = read_patient(request, model, files)
    images = None if patient.image is None else patient.image.images
    bag = None if patient.slide is None else patient.slide.bag
    return Prediction(
        request=request,
        model=model,
        patient=patient,
        flags=(*patient.flags, *each_once(flags_of_genes(model, patient.genes))),
        answer=answer_for_patient(model.members, images, bag, patient.scaled, device),
    )
