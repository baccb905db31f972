"""Random affine changes and intensity jitter of a batch, image and mask alike."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Ranges are symmetric: `scale` relative, `rotation` in degrees, `jitter` relative gain and offset in deviations.

    `flip` mirrors left and right half of the time. Genes that tell the side of a lesion cannot be learned with it.
    """

    scale: float = 0.05
    rotation: float = 15.0
    flip: bool = True
    jitter: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Changes:
    """One change per slice: affine matrices (B, 2, 3), gain (B,) and offset (B,)."""

    matrix: Tensor
    gain: Tensor
    offset: Tensor

    def __getitem__(self, rows: slice) -> "Changes":
        """The changes of some of the slices."""
        return Changes(matrix=self.matrix[rows], gain=self.gain[rows], offset=self.offset[rows])


def draw_changes(batch: int, settings: AugmentSettings, generator: torch.Generator) -> Changes:
    """Draw one change per slice."""

    def uniform(width: float) -> Tensor:
        return (torch.rand(batch, generator=generator) * 2 - 1) * width

    angle = uniform(math.radians(settings.rotation))
    scale = 1 + uniform(settings.scale)
    mirror = (
        torch.where(torch.rand(batch, generator=generator) < 0.5, -1.0, 1.0) if settings.flip else torch.ones(batch)
    )
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    zero = torch.zeros(batch)
    matrix = torch.stack([torch.stack([cos * mirror, -sin, zero], 1), torch.stack([sin * mirror, cos, zero], 1)], 1)
    return Changes(matrix=matrix, gain=1 + uniform(settings.jitter), offset=uniform(settings.jitter))


def changed(images: Tensor, changes: Changes) -> Tensor:
    """Images (B, 1, S, S) moved bilinearly, then with gain and offset."""
    moved = grid_sample(images, _grid(images, changes), padding_mode="border", align_corners=False)
    gain, offset = (values.to(images.device)[:, None, None, None] for values in (changes.gain, changes.offset))
    return moved * gain + offset


def augment(
    images: Tensor, masks: Tensor, settings: AugmentSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw one change per slice; images bilinear, masks nearest; both (B, 1, S, S)."""
    changes = draw_changes(len(images), settings, generator)
    truth = grid_sample(masks, _grid(masks, changes), mode="nearest", align_corners=False)
    return changed(images, changes), truth


def _grid(images: Tensor, changes: Changes) -> Tensor:
    return affine_grid(changes.matrix.to(images.device), list(images.shape), align_corners=False)
