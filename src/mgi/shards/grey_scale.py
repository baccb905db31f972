"""The grey scale that a volume (S slices, H rows, W columns) decides for itself, and whether it has one.

The foreground is what lies above the volume's mean. An MR scanner's levels have no unit: each volume is clipped to
percentiles of its foreground and scaled to mean 0 and deviation 1 there. Nothing is fitted on other patients.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

FOREGROUND_PERCENTILES = (1.0, 99.5)
MAX_DEVIATIONS = 20.0  # of the foreground's mean: no standardised value lies further; real heads reach 5
# The least of 90 real heads is 0.17 of all voxels, and 0.65 of a deviation.
LEAST_FOREGROUND = 0.02  # of all voxels
LEAST_HALF = 0.15  # of the foreground's deviation: the range of the middle half of its levels
_LEAST_SPREAD = 1e-4  # of the foreground's mean, below which float32 has no levels between
_MOST_SORTED = 200_000


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
        reach = MAX_DEVIATIONS * self.spread
        low, high = max(min(0.0, self.low), self.centre - reach), min(self.high, self.centre + reach)
        np.clip(out, np.float32(low), np.float32(high), out=out)
        out -= np.float32(self.centre)
        out /= np.float32(self.spread + 1e-6)


CONSTANT = GreyScale(low=0.0, high=0.0, centre=0.0, spread=1.0)  # without foreground all becomes 0


def grey_scale(volume: NDArray[np.generic]) -> GreyScale:
    """The scale of a volume; one without a foreground of several levels becomes zeros."""
    if _is_counted(volume):
        found = _scale_by_count(*_counted(volume))
    else:
        values = volume.astype(np.float32)
        with np.errstate(over="ignore"):  # an infinite deviation is no scale
            foreground = values[values > values.mean()]
            if foreground.size == 0:
                return CONSTANT
            low, high = np.percentile(foreground, FOREGROUND_PERCENTILES)
            found = GreyScale(low=low, high=high, centre=float(foreground.mean()), spread=float(foreground.std()))
    return found if _LEAST_SPREAD * abs(found.centre) < found.spread < np.inf else CONSTANT


def require_scale(volume: NDArray[np.generic], where: str) -> None:
    """Refuse a volume whose foreground is no head's: of one level, or of a few voxels far above the others.

    Padding and saturation are such, and single voxels of huge value: tissue would be squeezed to one level beside them.
    """
    found = _foreground_by_count(*_counted(volume)) if _is_counted(volume) else _foreground_by_slice(volume)
    if found.n_voxels == 0:
        raise BadInputError(f"{where}: voxels: every one is {float(volume.min()):g}, expected an image")
    floor = max(float(volume.min()), min(0.0, found.lowest))  # what is darker is clipped
    if found.n_voxels < LEAST_FOREGROUND * volume.size:
        fault = f"only {found.n_voxels} of {volume.size} lie above the mean"
    elif found.spread <= _LEAST_SPREAD * abs(found.centre) or found.centre - floor > MAX_DEVIATIONS * found.spread:
        said = f"{found.centre:g} with a deviation of {found.spread:.3g}"
        fault = f"those above the mean are nearly of one level ({said})"
    elif found.half < LEAST_HALF * found.spread:
        fault = f"some far above the others hold the scale (up to {float(volume.max()):g}, mean {found.centre:g})"
    else:
        return
    raise BadInputError(
        f"{where}: voxels: {fault}; expected an image of tissue: take padding, saturation, outliers out"
    )


@dataclass(frozen=True, kw_only=True)
class _Foreground:
    """Voxels above the mean: their number, least level, mean and deviation, and how far their quartiles are apart."""

    n_voxels: int
    lowest: float = 0.0
    centre: float = 0.0
    spread: float = 0.0
    half: float = 0.0


def _foreground_by_count(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> _Foreground:
    above = (levels > np.average(levels, weights=counts)) & (counts > 0)
    foreground, weights = levels[above], counts[above]
    if not len(foreground):
        return _Foreground(n_voxels=0)
    upto = np.cumsum(weights)
    centre = float(np.average(foreground, weights=weights))
    low, high = foreground[np.searchsorted(upto, upto[-1] * np.array([0.25, 0.75]))]
    return _Foreground(
        n_voxels=int(upto[-1]),
        lowest=float(foreground[0]),
        centre=centre,
        spread=float(np.sqrt(np.average((foreground - centre) ** 2, weights=weights))),
        half=float(high - low),
    )


def _foreground_by_slice(volume: NDArray[np.generic]) -> _Foreground:
    """The same of numbers that are sorted, of every so manieth alone: that is what takes the time."""
    mean = np.float32(volume.mean(dtype=np.float64))
    n_voxels, off, squares, few = 0, 0.0, 0.0, []
    every = volume.size // _MOST_SORTED | 1  # odd: else rows of a power of two would give few of their columns
    with np.errstate(over="ignore"):  # an infinite deviation is told by the quartiles
        for pixels in volume:  # one at a time stays in the processor's cache
            over = np.maximum(np.asarray(pixels, np.float32) - mean, 0).ravel()
            n_voxels += int(np.count_nonzero(over))
            off += float(over.sum(dtype=np.float64))
            squares += float(over @ over)
            some = over[::every]
            few.append(some[some > 0])
    sample = np.concatenate(few)
    if n_voxels == 0 or not len(sample):
        return _Foreground(n_voxels=n_voxels)
    low, high = np.percentile(sample, (25.0, 75.0))
    return _Foreground(
        n_voxels=n_voxels,
        lowest=float(mean + sample.min()),
        centre=float(mean) + off / n_voxels,
        spread=float(np.sqrt(max(0.0, squares / n_voxels - (off / n_voxels) ** 2))),
        half=float(high - low),
    )


def _is_counted(volume: NDArray[np.generic]) -> bool:
    return volume.dtype.kind in "iu" and volume.dtype.itemsize <= 2


def _counted(volume: NDArray[np.generic]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The levels of 8- or 16-bit numbers and their counts, which is faster than sorting them."""
    first, most = min(0, int(volume.min())), int(volume.max())
    levels, counts = np.arange(first, most + 1, dtype=np.float64), np.zeros(most - first + 1, np.int64)
    shifted = np.empty(volume.shape[1:], np.intp)
    for pixels in volume:  # a few at a time stay in the processor's cache
        np.subtract(pixels, first, out=shifted, dtype=np.intp)
        counts += np.bincount(shifted.ravel(), minlength=len(counts))
    return levels, counts


def _scale_by_count(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> GreyScale:
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
