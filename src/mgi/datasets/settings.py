"""How images, masks and expression are changed at random in training."""

import json
from typing import Annotated, Literal

from pydantic import Field

from mgi.core.section import Section, Share, unit

NoiseShape = Literal["independent", "patients"]
Missing = Literal["inner", "outer", "outer_genes"]


class PreparedSettings(Section):
    """How slices are put at the network's size; no key of the config, but taken from its section `model`."""

    image_size: Annotated[int, Field(ge=1, le=4096), unit("pixels")]
    """Side of the square."""
    image_crop: Literal["none", "foreground"] = "none"
    """What fills it."""
    stripped: bool = False
    """Whether they are those of copies without scalp."""

    def as_json(self) -> str:
        """The settings with sorted keys."""
        return json.dumps(self.plain(), sort_keys=True)


class AugmentSettings(Section):
    """Random changes: of place in images and masks alike, of intensity in images alone; to either side alike."""

    scale: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Largest relative change of size."""
    rotation: Annotated[float, Field(ge=0, le=180), unit("degrees")] = 15.0
    """Largest rotation."""
    flip: bool = True
    """Left and right are swapped half of the time; genes that tell a lesion's side cannot be learned with it."""
    jitter: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest relative gain of intensity, and largest offset in deviations."""
    skull_strip: Share = 0.0
    """Share of the draws in which a slice comes from a copy of its volume without scalp, prepared like a volume of its
    own: for skull-stripped images. 0: no copies."""
    between_slices: Share = 0.0
    """Share of the draws that lie between a slice and the next, image and mask alike, as slices do that were
    interpolated to be thinner: for volumes of 1 mm. 0: none."""
    gamma: Annotated[float, Field(ge=0, le=4)] = 0.0
    """Largest power of two, up or down, of the exponent to which intensities are raised between a slice's least and
    most; 0: none."""
    blur: Annotated[float, Field(ge=0, le=16), unit("pixels")] = 0.0
    """Largest deviation of a Gaussian blur of the image; 0: none."""
    noise: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Largest deviation of normal noise, in deviations of the image; 0: none."""

    @property
    def makes_views(self) -> bool:
        """Whether two draws of one slice differ; which copy a slice is of is drawn once for both."""
        return any(value for key, value in dict(self).items() if key != "skull_strip")
