"""The stored values of a DICOM file's frames, and which of them are padding."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import get_decoder

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_file import DicomFile, number_of
from mgi.modalities.flair.header import PADDING


def stored_pixels(file: DicomFile, n_frames: int) -> NDArray[Any]:
    """Return the stored values (frame, row, column); MONOCHROME1 images are inverted, so that white is high.

    Call inside `quarantine`.
    """
    header = file.header
    _check_grey(header, file.where)
    shape = (n_frames, int(header["Rows"]), int(header["Columns"]))
    data = file.pixels
    if data is None:
        syntax = file.dataset.file_meta.TransferSyntaxUID
        if not syntax.is_encapsulated and syntax.is_little_endian and header["BitsAllocated"] in (8, 16):
            data = file.dataset.PixelData
    pixels = decoded_pixels(file, shape) if data is None else _viewed(data, header, shape, file.where)
    if header["PhotometricInterpretation"] == "MONOCHROME2":
        return pixels
    return np.asarray(_sum_of_ends(header) - pixels.astype(np.int64))


def decoded_pixels(file: DicomFile, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Return the pixels as the decoder of the file's transfer syntax gives them, as integers (frame, row, column).

    Call inside `quarantine`.
    """
    decoder = get_decoder(file.dataset.file_meta.TransferSyntaxUID)
    pixels: NDArray[Any] = decoder.as_array(file.dataset, raw=True)[0]
    if pixels.size != math.prod(shape) or pixels.shape[-2:] != shape[1:] or pixels.dtype.kind not in "iu":
        found = f"{pixels.dtype} {pixels.shape}"
        raise BadInputError(f"{file.where}: PixelData {found}, expected integers of Rows x Columns")
    return pixels.reshape(shape)


def _check_grey(header: dict[str, Any], where: str) -> None:
    kind = header["PhotometricInterpretation"]
    if kind not in ("MONOCHROME1", "MONOCHROME2"):
        raise BadInputError(f"{where}: PhotometricInterpretation {kind}, expected MONOCHROME")
    bits, allocated, high = int(header["BitsStored"]), int(header["BitsAllocated"]), header.get("HighBit")
    if not 1 <= bits <= allocated or high not in (None, bits - 1):
        found = f"BitsStored {bits}, HighBit {high} in BitsAllocated {allocated}"
        raise BadInputError(f"{where}: {found}, expected the lowest bits")


def _viewed(data: bytes | memoryview, header: dict[str, Any], shape: tuple[int, int, int], where: str) -> NDArray[Any]:
    """Return a view of the file's own bytes; bits beyond those stored are cut off, whatever they hold."""
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


def padding_range(header: dict[str, Any], where: str) -> tuple[int, int] | None:
    """Return the range of padding among `stored_pixels`, cut to the stored bits and inverted as they are."""
    value, limit = (number_of(header, keyword, where) for keyword in PADDING)
    if value is None:
        return None
    bits, signed = int(header["BitsStored"]), header["PixelRepresentation"] == 1
    ends = [_cut(int(one), bits, signed=signed) for one in (value, value if limit is None else limit)]
    if header["PhotometricInterpretation"] == "MONOCHROME1":
        ends = [_sum_of_ends(header) - one for one in ends]
    return min(ends), max(ends)


def _cut(value: int, bits: int, *, signed: bool) -> int:
    low = value % (1 << bits)
    return low - (1 << bits) if signed and low >= 1 << (bits - 1) else low


def _sum_of_ends(header: dict[str, Any]) -> int:
    """Return the highest plus the lowest value of the stored bits: a value taken from it is inverted."""
    return -1 if header["PixelRepresentation"] == 1 else (1 << int(header["BitsStored"])) - 1
