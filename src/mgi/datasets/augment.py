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


def augment(
    images: Tensor, masks: Tensor, settings: AugmentSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw one change per slice; images bilinear, masks nearest; both (B, 1, S, S)."""
    batch = len(images)

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
    gain, offset = 1 + uniform(settings.jitter), uniform(settings.jitter)
    grid = affine_grid(matrix.to(images.device), list(images.shape), align_corners=False)
    moved = grid_sample(images, grid, padding_mode="border", align_corners=False)
    truth = grid_sample(masks, grid, mode="nearest", align_corners=False)
    return moved * gain.to(images.device)[:, None, None, None] + offset.to(images.device)[:, None, None, None], truth
