"""Random affine changes and intensity jitter of a batch, image and mask alike."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from mgi.datasets.settings import AugmentSettings

BILINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP  # the matrices say where a pixel is read, not where it goes


@dataclass(frozen=True, kw_only=True)
class AugmentParams:
    """One change per slice: matrices (B, 2, 2) about the middle, gain (B,) and offset (B,)."""

    matrix: Tensor
    gain: Tensor
    offset: Tensor

    def __getitem__(self, rows: slice) -> "AugmentParams":
        """The changes of some of the slices."""
        return AugmentParams(matrix=self.matrix[rows], gain=self.gain[rows], offset=self.offset[rows])

    def map(self, change: Callable[[Tensor], Tensor]) -> "AugmentParams":
        """The changes with each tensor changed, such as moved to a device."""
        return AugmentParams(matrix=change(self.matrix), gain=change(self.gain), offset=change(self.offset))


def sample_augment(batch: int, settings: AugmentSettings, generator: torch.Generator) -> AugmentParams:
    """Draw one change per slice."""
    drawn = torch.rand(4 + settings.flip, batch, generator=generator).numpy()
    turn, growth, gain, offset = drawn[[0, 1, -2, -1]] * 2 - 1  # each from -1 to 1
    mirror = np.where(drawn[2] < 0.5, -1, 1) if settings.flip else 1
    angle, scale = turn * math.radians(settings.rotation), 1 + growth * settings.scale
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[cos * mirror, -sin], [sin * mirror, cos]], np.float32).transpose(2, 0, 1)
    return AugmentParams(
        matrix=torch.from_numpy(np.ascontiguousarray(matrix)),
        gain=torch.from_numpy(1 + gain * settings.jitter),
        offset=torch.from_numpy(offset * settings.jitter),
    )


def apply_augment(channels: Tensor, rows: Tensor, augment: AugmentParams, masks: int = 0) -> Tensor:
    """Rows (B,) of channels (N, C, S, S) on a CPU, moved bilinearly and all but the last `masks` with gain and offset.

    Returns (B, C, S, S). Beyond a slice all channels go on as at its edge, so that what is bright as a tumour there is
    called one. Each channel is first copied in its order, with gain and offset (the weights of a bilinear reading add
    up to one), into memory that stays in cache: reading pixels from main memory costs more than their arithmetic.
    """
    cv2.setNumThreads(torch.get_num_threads())  # by itself it takes all that the machine has
    count, side = channels.shape[1] - masks, channels.shape[-1]
    near = np.empty((side, side), np.float32)
    moved, source = torch.empty(len(rows), *channels.shape[1:]), channels.numpy()
    matrices, middle = augment.matrix.numpy(), (side - 1) / 2
    # Of column, row and 1 (B, 2, 3): pixels are counted from the middle of the first.
    matrices = np.concatenate([matrices, middle - middle * matrices.sum(2, keepdims=True)], 2)
    each = zip(rows.tolist(), matrices, augment.gain.numpy(), augment.offset.numpy(), moved.numpy(), strict=True)
    for row, matrix, gain, offset, targets in each:
        for number, (channel, target) in enumerate(zip(source[row], targets, strict=True)):
            if number < count:
                np.multiply(channel, gain, out=near)
                np.add(near, offset, out=near)
            else:
                np.copyto(near, channel)
            cv2.warpAffine(near, matrix, (side, side), dst=target, flags=BILINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved


def apply_augment_on_device(channels: Tensor, augment: AugmentParams, masks: int = 0) -> Tensor:
    """The same of channels (B, C, S, S) that a GPU holds, each with its own change."""
    moved = grid_sample(channels, _places(channels, augment), padding_mode="border", align_corners=False)
    gain, offset = (values[:, None, None, None] for values in (augment.gain, augment.offset))
    moved[:, : channels.shape[1] - masks].mul_(gain).add_(offset)
    return moved


def _places(channels: Tensor, augment: AugmentParams) -> Tensor:
    """Where each pixel is read, (B, S, S, 2) in x and y from -1 to 1: the sum of what its column and its row give.

    That is `affine_grid` without its matrix product, of which a GPU may round the factors.
    """
    side = channels.shape[-1]
    centres = (torch.arange(side, device=channels.device) * 2 + 1) / side - 1
    of_column, of_row = (augment.matrix[:, :, axis, None] * centres for axis in (0, 1))  # B 2 S
    return (of_column[:, :, None] + of_row[:, :, :, None]).permute(0, 2, 3, 1)
