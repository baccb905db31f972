"""Random affine changes and intensity jitter of a batch, image and mask alike."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


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
    """One change per slice: matrices (B, 2, 2) about the middle, gain (B,) and offset (B,)."""

    matrix: Tensor
    gain: Tensor
    offset: Tensor

    def __getitem__(self, rows: slice) -> "Changes":
        """The changes of some of the slices."""
        return Changes(matrix=self.matrix[rows], gain=self.gain[rows], offset=self.offset[rows])

    def map(self, change: Callable[[Tensor], Tensor]) -> "Changes":
        """The changes with each tensor changed, such as moved to a device."""
        return Changes(matrix=change(self.matrix), gain=change(self.gain), offset=change(self.offset))


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
    matrix = torch.stack([torch.stack([cos * mirror, -sin], 1), torch.stack([sin * mirror, cos], 1)], 1)
    return Changes(matrix=matrix, gain=1 + uniform(settings.jitter), offset=uniform(settings.jitter))


def changed(images: Tensor, changes: Changes) -> Tensor:
    """Images (B, C, S, S) moved bilinearly, then with gain and offset; the changes on the same device."""
    return _jittered(_moved(images, changes), changes)


def changed_planes(planes: Tensor, changes: Changes) -> tuple[Tensor, Tensor]:
    """Planes (B, C + 1, S, S) to images (B, C, S, S) as by `changed` and masks (B, 1, S, S) moved alike.

    Images and masks share their memory. Moved in one go, each pixel's neighbours and weights are found once for all
    planes. Beyond the slice both go on as at its edge, so that what is bright as a tumour there is called one.
    """
    moved = _moved(planes, changes)
    return _jittered(moved[:, :-1], changes), moved[:, -1:]


def _moved(planes: Tensor, changes: Changes) -> Tensor:
    return grid_sample(planes, _places(planes, changes), padding_mode="border", align_corners=False)


def _jittered(images: Tensor, changes: Changes) -> Tensor:
    gain, offset = (values[:, None, None, None] for values in (changes.gain, changes.offset))
    return torch.addcmul(offset, images, gain, out=images)  # fresh memory would cost more than the arithmetic


def _places(planes: Tensor, changes: Changes) -> Tensor:
    """Where each pixel is read, (B, S, S, 2) in x and y from -1 to 1: the sum of what its column and its row give.

    That is `affine_grid` in one addition, where it multiplies matrices; all x lie before all y, to be written in order.
    """
    side = planes.shape[-1]
    centres = (torch.arange(side, device=planes.device) * 2 + 1) / side - 1
    of_column, of_row = (changes.matrix[:, :, axis, None] * centres for axis in (0, 1))  # B 2 S
    return (of_column[:, :, None] + of_row[:, :, :, None]).permute(0, 2, 3, 1)
