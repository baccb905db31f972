"""How images, masks and expression are changed at random in training."""

from typing import Annotated, Literal

from pydantic import Field

from mgi.core.section import Section, unit

NoiseShape = Literal["independent", "patients"]


class AugmentSettings(Section):
    """Random changes of images and masks alike, the same range to either side."""

    scale: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Largest relative change of size."""
    rotation: Annotated[float, Field(ge=0, le=180), unit("degrees")] = 15.0
    """Largest rotation."""
    flip: bool = True
    """Left and right are swapped half of the time; genes that tell a lesion's side cannot be learned with it."""
    jitter: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest relative gain of intensity, and largest offset in deviations."""
