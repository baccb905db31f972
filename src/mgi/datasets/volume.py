"""What a volume (S slices, H rows, W columns) decides for itself: its frame and its grey scale.

The frame is the part of the slices that fills the network's square: the whole of them, or the box around the head. The
foreground is what lies above the volume's mean. An MR scanner's levels have no unit: each volume is clipped to
percentiles of its foreground and scaled to mean 0 and deviation 1 there. Nothing is fitted on other patients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FrameKind = Literal["none", "foreground"]
Slices = TypeVar("Slices", Tensor, NDArray[Any])
SPECKS = 0.001  # of the foreground, on each side, that may lie outside: noise in the air and ghosts
MARGIN = 2  # pixels
FOREGROUND_PERCENTILES = (1.0, 99.5)


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


@dataclass(frozen=True, kw_only=True)
class GreyScale:
    """What a volume's levels are clipped to, and the mean and deviation of its foreground."""

    low: float
    high: float
    centre: float
    spread: float

    def write(self, pixels: NDArray[np.generic], out: NDArray[np.float32]) -> None:
        """Standardise pixels of any shape into `out`; a few slices at a time stay in the processor's cache."""
        out[...] = pixels
        np.clip(out, np.float32(min(0.0, self.low)), np.float32(self.high), out=out)
        out -= np.float32(self.centre)
        out /= np.float32(self.spread + 1e-6)


CONSTANT = GreyScale(low=0.0, high=0.0, centre=0.0, spread=1.0)  # without foreground all becomes 0


def grey_scale(volume: NDArray[np.generic]) -> GreyScale:
    """The scale of a volume; one of a single level has no foreground and becomes zeros."""
    if volume.dtype.kind in "iu" and volume.dtype.itemsize <= 2:
        return _scale_by_count(volume)
    values = volume.astype(np.float32)
    foreground = values[values > values.mean()]
    if foreground.size == 0:
        return CONSTANT
    low, high = np.percentile(foreground, FOREGROUND_PERCENTILES)
    return GreyScale(low=low, high=high, centre=float(foreground.mean()), spread=float(foreground.std()))


def standardise(volume: NDArray[np.generic]) -> NDArray[np.float32]:
    """A volume (S, H, W) on its own scale."""
    scale, standardised = grey_scale(volume), np.empty(volume.shape, np.float32)
    for pixels, own in zip(volume, standardised, strict=True):
        scale.write(pixels, own)
    return standardised


def _scale_by_count(volume: NDArray[np.generic]) -> GreyScale:
    """The same of 8- or 16-bit numbers, which are counted instead of sorted."""
    first, most = min(0, int(volume.min())), int(volume.max())
    levels, counts = np.arange(first, most + 1, dtype=np.float64), np.zeros(most - first + 1, np.int64)
    for pixels in volume:  # a few at a time stay in the processor's cache
        counts += np.bincount(pixels.ravel().astype(np.int64) - first, minlength=len(counts))
    counts[levels <= np.average(levels, weights=counts)] = 0
    if not counts.any():
        return CONSTANT
    centre = float(np.average(levels, weights=counts))
    spread = float(np.sqrt(np.average((levels - centre) ** 2, weights=counts)))
    low, high = _percentiles_by_count(levels, counts)
    return GreyScale(low=low, high=high, centre=centre, spread=spread)


def _percentiles_by_count(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The foreground's percentiles as `np.percentile` has them, of values of which each stands for its count."""
    upto = np.cumsum(counts)
    place = (upto[-1] - 1) * (np.array(FOREGROUND_PERCENTILES) / 100)
    below, above = (levels[np.searchsorted(upto, row, side="right")] for row in (np.floor(place), np.ceil(place)))
    return np.asarray(below + (above - below) * (place - np.floor(place)))
