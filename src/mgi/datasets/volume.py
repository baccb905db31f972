"""What a volume (S slices, H rows, W columns) decides for itself: its frame, and its grey scale (shards.grey_scale).

The frame is the part of the slices that fills the network's square: the whole of them, or the box around the head. The
foreground is what lies above the volume's mean.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.shards.grey_scale import grey_scale

FrameKind = Literal["none", "foreground"]
Slices = TypeVar("Slices", Tensor, NDArray[Any])
SPECKS = 0.001  # of the foreground, on each side, that may lie outside: noise in the air and ghosts
MARGIN = 2  # pixels


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A box on slices of `shape` (H, W), the same on all slices of a volume; rows and columns as half-open ranges."""

    shape: tuple[int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns within."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    def cut(self, slices: Slices) -> Slices:
        """(..., H, W) to what lies within, a view."""
        return slices[..., slice(*self.rows), slice(*self.columns)]

    def paste(self, within: Tensor) -> Tensor:
        """What lies within to (..., H, W), with 0 beyond it."""
        if self.size == self.shape:
            return within
        whole = torch.zeros(*within.shape[:-2], *self.shape, dtype=within.dtype, device=within.device)
        self.cut(whole).copy_(within)
        return whole


def frame_of_slice(volume: NDArray[np.generic]) -> Frame:
    """All rows and columns of a volume (S, H, W)."""
    _, height, width = volume.shape
    return Frame(shape=(height, width), rows=(0, height), columns=(0, width))


def frame_of_head(volume: NDArray[np.generic]) -> Frame:
    """The rows and columns between which the foreground of a volume (S, H, W) lies, but for a thousandth on each side.

    The foreground is the head, without the air around it. Heads then fill the square alike, whatever field of view was
    scanned. A constant volume is framed whole.
    """
    foreground = volume > volume.mean()
    whole = frame_of_slice(volume)
    count = int(np.count_nonzero(foreground))
    if count == 0:
        return whole
    projected = foreground.sum(0, dtype=np.int32)  # H W
    rows, columns = (_between(projected.sum(axis), SPECKS * count) for axis in (1, 0))
    return Frame(shape=whole.shape, rows=rows, columns=columns)


def _between(counts: NDArray[np.integer], specks: float) -> tuple[int, int]:
    """The range of places outside of which at most `specks` lie on either side, and a margin."""
    first = int(np.searchsorted(np.cumsum(counts), specks, side="right"))
    last = len(counts) - int(np.searchsorted(np.cumsum(counts[::-1]), specks, side="right"))
    return max(0, first - MARGIN), min(len(counts), last + MARGIN)


FRAMES: dict[FrameKind, Callable[[NDArray[np.generic]], Frame]] = {"none": frame_of_slice, "foreground": frame_of_head}


def standardise(volume: NDArray[np.generic]) -> NDArray[np.float32]:
    """A volume (S, H, W) on its own scale."""
    scale, standardised = grey_scale(volume), np.empty(volume.shape, np.float32)
    for pixels, own in zip(volume, standardised, strict=True):
        scale.write(pixels, own)
    return standardised
