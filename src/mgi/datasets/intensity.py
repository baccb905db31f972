"""Grey levels of a volume (S, H, W) on the scale of its own foreground, which is what lies above its mean.

An MR scanner's levels have no unit: each volume is clipped to percentiles of its foreground and scaled to mean 0 and
deviation 1 there. Nothing is fitted on other patients.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mgi.datasets.vision import match_torch_threads

FOREGROUND_PERCENTILES = (1.0, 99.5)


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
    counted = volume.dtype.kind in "iu" and volume.dtype.itemsize <= 2
    return _scale_by_count(volume) if counted else _scale(volume.astype(np.float32))


def standardise(volume: NDArray[np.generic]) -> NDArray[np.float32]:
    """A volume (S, H, W) on its own scale."""
    scale, standardised = grey_scale(volume), np.empty(volume.shape, np.float32)
    for pixels, own in zip(volume, standardised, strict=True):
        scale.write(pixels, own)
    return standardised


def _scale(values: NDArray[np.float32]) -> GreyScale:
    foreground = values[values > values.mean()]
    if foreground.size == 0:
        return CONSTANT
    low, high = np.percentile(foreground, FOREGROUND_PERCENTILES)
    return GreyScale(low=low, high=high, centre=float(foreground.mean()), spread=float(foreground.std()))


def _scale_by_count(volume: NDArray[np.generic]) -> GreyScale:
    """The same of whole numbers, which are counted instead of sorted."""
    levels, counts = _counted(volume)
    counts[levels <= np.average(levels, weights=counts)] = 0
    if not counts.any():
        return CONSTANT
    centre = float(np.average(levels, weights=counts))
    spread = float(np.sqrt(np.average((levels - centre) ** 2, weights=counts)))
    low, high = _percentiles_by_count(levels, counts)
    return GreyScale(low=low, high=high, centre=centre, spread=spread)


def _counted(volume: NDArray[np.generic]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The levels of 8- or 16-bit numbers from 0 or the least to the most, and how many pixels have each."""
    match_torch_threads()
    first, most = min(0, int(volume.min())), int(volume.max())
    unsigned = np.dtype(f"u{volume.dtype.itemsize}")
    counts = np.zeros(most - first + 1, np.int64)
    for pixels in volume:
        from_first = pixels.view(unsigned) - unsigned.type(first % 256**unsigned.itemsize)  # wraps around
        counts += cv2.calcHist([from_first], [0], None, [len(counts)], [0, len(counts)]).ravel().astype(np.int64)
    return np.arange(first, most + 1, dtype=np.float64), counts


def _percentiles_by_count(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The foreground's percentiles as `np.percentile` has them, of values of which each stands for its count."""
    upto = np.cumsum(counts)
    place = (upto[-1] - 1) * (np.array(FOREGROUND_PERCENTILES) / 100)
    below, above = (levels[np.searchsorted(upto, row, side="right")] for row in (np.floor(place), np.ceil(place)))
    return np.asarray(below + (above - below) * (place - np.floor(place)))
