"""The voxels of ordered slices as intensities: rescaled, with padding set to what the air around a head has."""

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_slices import DicomSlice

_INT16 = np.iinfo(np.int16)


def voxels_of(slices: list[DicomSlice], where: str) -> tuple[NDArray[np.generic], tuple[str, ...]]:
    """Return one array of all slices, int16 where every rescaled value is such an integer, else float32; and notes.

    Padding (PixelPaddingValue, to PixelPaddingRangeLimit) becomes 0 or, where it is lower, the lowest of the rest; what
    is 0 stays. Raises BadInputError where all is of one level, or padding, or beyond float32.
    """
    padding = [_padding_of(entry) for entry in slices]
    exact = all(float(entry.slope).is_integer() and float(entry.intercept).is_integer() for entry in slices)
    ends = [
        float(value) * entry.slope + entry.intercept
        for entry, padded in zip(slices, padding, strict=True)
        for value in _ends(entry.stored, padded)
    ]
    if not ends:
        raise BadInputError(f"{where}: PixelPaddingValue: every pixel is padding, expected an image")
    if min(ends) == max(ends):
        raise BadInputError(f"{where}: PixelData: every voxel is {min(ends):g}, expected an image")
    dtype = np.int16 if exact and _INT16.min <= min(ends) and max(ends) <= _INT16.max else np.float32
    voxels = np.empty((len(slices), *slices[0].stored.shape), dtype)
    air, n_padded = min(0.0, *ends), 0
    with np.errstate(over="ignore", invalid="ignore"):  # refused below; padding may lie beyond int16
        for target, entry, padded in zip(voxels, slices, padding, strict=True):
            plain = entry.slope == 1 and entry.intercept == 0
            levels = entry.stored if plain else entry.stored * entry.slope + entry.intercept
            target[...] = levels
            if padded is not None:
                changed = padded & (np.asarray(levels) != 0)
                target[changed] = air
                n_padded += int(changed.sum())
    if dtype is np.float32 and not np.isfinite(voxels).all():
        raise BadInputError(f"{where}: PixelData: not finite after rescaling with RescaleSlope and RescaleIntercept")
    return voxels, (f"set {n_padded} pixels of padding to {air:g}",) if n_padded else ()


def _padding_of(entry: DicomSlice) -> NDArray[np.bool_] | None:
    """Return which pixels are padding, None where none is."""
    if entry.padding is None:
        return None
    lowest, highest = entry.padding
    padded = (entry.stored >= lowest) & (entry.stored <= highest)
    return padded if padded.any() else None


def _ends(stored: NDArray[np.generic], padded: NDArray[np.bool_] | None) -> tuple[float, ...]:
    """Return the lowest and highest stored value that is no padding."""
    values = stored if padded is None else stored[~padded]
    return (float(values.min()), float(values.max())) if values.size else ()
