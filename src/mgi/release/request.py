"""What is asked of a released model for one patient; no library is loaded, since a command's help states defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAX_MISSING = 0.1


@dataclass(frozen=True, kw_only=True)
class PredictionRequest:
    """Where a patient's image and expression are, and what is to be made of them.

    `modalities` are tables of what the model reads beside expression, by name. `series` names one of several of DICOM,
    `volume` one of several of NIfTI, from 0, `sample` the patient's label in these tables and the file of expression;
    `own_samples` has another label, or None, for tables that are the patient's own. A table named in `shared` need not
    have the patient.
    At most `max_missing` of the model's genes may lack a value. With `force` an image far from those of training is
    taken all the same; with `largest_component` only that of the mask is kept.

    In place of the image, `slide` is a whole-slide image, of `mpp` micrometres a pixel whatever it states itself, or a
    file of its tiles' vectors; `tile_weights` are those of the encoder that makes vectors of tiles.
    """

    image: Path | None = None
    slide: Path | None = None
    tile_weights: Path | None = None
    mpp: float | None = None
    series: str | None = None
    volume: int | None = None
    expression: Path | None = None
    modalities: Mapping[str, Path] = field(default_factory=dict)
    own_samples: Mapping[str, str | None] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    sample: str | None = None
    max_missing: float = MAX_MISSING
    force: bool = False
    largest_component: bool = False
