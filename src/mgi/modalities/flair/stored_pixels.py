"""The stored values of a DICOM file as an array, without a copy where they lie in it plainly."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError


def stored_pixels(dataset: Any, header: dict[str, Any], n_frames: int, where: str) -> NDArray[Any]:
    """Stored values (frame, row, column); MONOCHROME1 means that the smallest is white, so it is turned round.

    Call inside `quarantine`. Raises BadInputError where pixels are fewer than claimed or no grey integers.
    """
    _check_grey(header, where)
    shape = (n_frames, int(header["Rows"]), int(header["Columns"]))
    syntax = dataset.file_meta.TransferSyntaxUID
    plain = not syntax.is_encapsulated and syntax.is_little_endian and header["BitsAllocated"] in (8, 16)
    pixels = _viewed(dataset.PixelData, header, shape, where) if plain else _decoded(dataset, shape, where)
    return _white_is_high(pixels, header)


def plain_pixels(data: bytes | memoryview, header: dict[str, Any], where: str) -> NDArray[Any]:
    """The same of the one frame of a plainly stored file."""
    _check_grey(header, where)
    shape = (1, int(header["Rows"]), int(header["Columns"]))
    return _white_is_high(_viewed(data, header, shape, where), header)


def _check_grey(header: dict[str, Any], where: str) -> None:
    kind = header["PhotometricInterpretation"]
    if kind not in ("MONOCHROME1", "MONOCHROME2"):
        raise BadInputError(f"{where}: PhotometricInterpretation {kind}, expected MONOCHROME")
    bits, allocated, high = int(header["BitsStored"]), int(header["BitsAllocated"]), header.get("HighBit")
    if not 1 <= bits <= allocated or high not in (None, bits - 1):
        raise BadInputError(
            f"{where}: BitsStored {bits}, HighBit {high} in BitsAllocated {allocated}, expected the lowest bits"
        )


def _white_is_high(pixels: NDArray[Any], header: dict[str, Any]) -> NDArray[Any]:
    if header["PhotometricInterpretation"] == "MONOCHROME2":
        return pixels
    highest_plus_lowest = -1 if header["PixelRepresentation"] == 1 else 2 ** int(header["BitsStored"]) - 1
    return np.asarray(highest_plus_lowest - pixels.astype(np.int64))


def _viewed(data: bytes | memoryview, header: dict[str, Any], shape: tuple[int, int, int], where: str) -> NDArray[Any]:
    """A view of the file's own bytes; bits beyond those stored are cut off, whatever they hold."""
    allocated, bits = int(header["BitsAllocated"]), int(header["BitsStored"])
    dtype = np.dtype(f"<{'i' if header['PixelRepresentation'] == 1 else 'u'}{allocated // 8}")
    count = math.prod(shape)
    if len(data) < count * dtype.itemsize:
        raise BadInputError(f"{where}: PixelData: {len(data)} bytes, expected {count * dtype.itemsize}")
    pixels = np.frombuffer(data, dtype, count).reshape(shape)
    half = 2 ** (bits - 1)
    low, high = (-half, half - 1) if dtype.kind == "i" else (0, 2 * half - 1)
    if bits < allocated and (pixels.min() < low or pixels.max() > high):
        return np.asarray((pixels << (allocated - bits)) >> (allocated - bits))
    return pixels


def _decoded(dataset: Any, shape: tuple[int, int, int], where: str) -> NDArray[Any]:
    pixels = np.asarray(dataset.pixel_array)
    if pixels.size != math.prod(shape) or pixels.shape[-2:] != shape[1:] or pixels.dtype.kind not in "iu":
        raise BadInputError(f"{where}: PixelData {pixels.dtype} {pixels.shape}, expected integers of Rows x Columns")
    return pixels.reshape(shape)
