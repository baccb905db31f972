"""The stored values of a DICOM file as an array, without a copy where they lie in it plainly."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError


def stored_pixels(dataset: Any, n_frames: int, where: str) -> NDArray[Any]:
    """Stored values (frame, row, column); MONOCHROME1 means that the smallest is white, so it is turned round.

    Call inside `quarantine`. Raises BadInputError where there are fewer pixels than claimed or they are no grey integers.
    """
    kind = dataset.PhotometricInterpretation
    if kind not in ("MONOCHROME1", "MONOCHROME2"):
        raise BadInputError(f"{where}: PhotometricInterpretation {kind}, expected MONOCHROME")
    bits, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    if not 1 <= bits <= allocated or dataset.get("HighBit") not in (None, "", bits - 1):
        raise BadInputError(
            f"{where}: BitsStored {bits}, HighBit {dataset.get('HighBit')} in BitsAllocated {allocated}, expected the "
            "lowest bits"
        )
    shape = (n_frames, int(dataset.Rows), int(dataset.Columns))
    pixels = _plain(dataset, shape, where) if _is_plain(dataset) else _decoded(dataset, shape, where)
    if kind == "MONOCHROME2":
        return pixels
    highest_plus_lowest = -1 if dataset.PixelRepresentation == 1 else 2**bits - 1
    return np.asarray(highest_plus_lowest - pixels.astype(np.int64))


def _is_plain(dataset: Any) -> bool:
    syntax = dataset.file_meta.TransferSyntaxUID
    return not syntax.is_encapsulated and syntax.is_little_endian and dataset.BitsAllocated in (8, 16)


def _plain(dataset: Any, shape: tuple[int, int, int], where: str) -> NDArray[Any]:
    """A view of the file's own bytes; bits beyond those stored are cut off, whatever they hold."""
    dtype = np.dtype(f"<{'i' if dataset.PixelRepresentation == 1 else 'u'}{dataset.BitsAllocated // 8}")
    data, count = dataset.PixelData, math.prod(shape)
    if len(data) < count * dtype.itemsize:
        raise BadInputError(f"{where}: PixelData: {len(data)} bytes, expected {count * dtype.itemsize}")
    pixels = np.frombuffer(data, dtype, count).reshape(shape)
    unused = int(dataset.BitsAllocated) - int(dataset.BitsStored)
    half = 2 ** (int(dataset.BitsStored) - 1)
    low, high = (-half, half - 1) if dtype.kind == "i" else (0, 2 * half - 1)
    if unused and (pixels.min() < low or pixels.max() > high):
        return np.asarray((pixels << unused) >> unused)
    return pixels


def _decoded(dataset: Any, shape: tuple[int, int, int], where: str) -> NDArray[Any]:
    pixels = np.asarray(dataset.pixel_array)
    if pixels.size != math.prod(shape) or pixels.shape[-2:] != shape[1:] or pixels.dtype.kind not in "iu":
        raise BadInputError(f"{where}: PixelData {pixels.dtype} {pixels.shape}, expected integers of Rows x Columns")
    return pixels.reshape(shape)
