"""One DICOM file, gated before it is decoded, and its elements as checked numbers.

pydicom rather than SimpleITK, whose GDCM has an open leak (CVE-2026-3650) and is not fuzzed.
"""

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset, read_preamble

from mgi.core.errors import BadInputError
from mgi.modalities.flair.codecs import require_decoder
from mgi.modalities.flair.header import KEYWORD_OF, header_of, header_of_plain
from mgi.modalities.flair.plain_elements import read_plain

MAX_PIXEL_BYTES = 128 << 20  # of one file, all its frames; decoding and rescaling takes several times as much


def parse_dicom(data: bytes, where: str) -> tuple[Any, dict[str, Any]]:
    """Data set and header of a file whose transfer syntax and claimed pixel size are acceptable; nothing is decoded.

    Call inside `quarantine`.
    """
    source = io.BytesIO(data)
    read_preamble(source, force=False)
    # The file meta group is read alone: dcmread would inflate a deflated file before its syntax could be refused.
    meta = read_dataset(source, is_implicit_VR=False, is_little_endian=True, stop_when=_beyond_file_meta)
    syntax = meta.get("TransferSyntaxUID")
    require_decoder(syntax, where)
    # What follows is read from where the source stands, in half the time that dcmread takes from the start.
    dataset = read_dataset(source, syntax.is_implicit_VR, syntax.is_little_endian)
    dataset.file_meta = FileMetaDataset(meta)
    header = header_of(dataset)
    _check_pixel_bytes(header, where)
    return dataset, header


def parse_plain(data: bytes, where: str) -> tuple[memoryview, dict[str, Any]] | None:
    """Pixel bytes and header of a file of one frame of 8 or 16 bits that is stored plainly; None for all others.

    Call inside `quarantine`.
    """
    found = read_plain(data, KEYWORD_OF)
    header = None if found is None else header_of_plain(found.elements)
    if found is None or header is None or header.get("NumberOfFrames") not in (None, 1):
        return None
    if header.get("BitsAllocated") not in (8, 16):
        return None
    _check_pixel_bytes(header, where)
    return found.pixels, header


def number_of(dataset: Any, keyword: str, where: str) -> float | None:
    """A numeric element of a header or data set, None where it is absent or empty.

    Raises BadInputError where it is several values or not finite.
    """
    value = dataset.get(keyword)
    if type(value) is float and math.isfinite(value):
        return value
    numbers = numbers_of(dataset, keyword, 1, where)
    return None if numbers is None else float(numbers[0])


def numbers_of(dataset: Any, keyword: str, n: int, where: str) -> NDArray[np.float64] | None:
    """`n` finite numbers of an element, None where it is absent or empty."""
    value = dataset.get(keyword)
    if value is None or value == "" or (hasattr(value, "__len__") and len(value) == 0):
        return None
    numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if numbers.shape != (n,) or not np.isfinite(numbers).all():
        raise BadInputError(f"{where}: {keyword}: found {value!r}, expected {n} finite number(s)")
    return numbers


def required_numbers(dataset: Any, keyword: str, n: int, where: str) -> NDArray[np.float64]:
    """`n` finite numbers of an element that must be there."""
    numbers = numbers_of(dataset, keyword, n, where)
    if numbers is None:
        raise BadInputError(f"{where}: {keyword}: missing")
    return numbers


def direction_cosines(dataset: Any, where: str) -> NDArray[np.float64]:
    """ImageOrientationPatient as unit vectors (2, 3): along a row (columns increase), down a column (rows increase)."""
    axes = required_numbers(dataset, "ImageOrientationPatient", 6, where).reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1)
    if (np.abs(lengths - 1) > 0.01).any() or abs(float(axes[0] @ axes[1])) > 0.01:
        raise BadInputError(
            f"{where}: ImageOrientationPatient {axes.ravel().tolist()}, expected orthogonal unit vectors"
        )
    return np.asarray(axes / lengths[:, None])


def pixel_spacing(dataset: Any, where: str) -> NDArray[np.float64]:
    """PixelSpacing in mm: between rows, between columns."""
    spacing = required_numbers(dataset, "PixelSpacing", 2, where)
    if (spacing <= 0).any():
        raise BadInputError(f"{where}: PixelSpacing {spacing.tolist()}, expected two positive numbers")
    return spacing


def _beyond_file_meta(tag: Any, _vr: str | None, _length: int) -> bool:
    return int(tag) >> 16 != 2


def _check_pixel_bytes(header: dict[str, Any], where: str) -> None:
    frames = number_of(header, "NumberOfFrames", where) or 1.0
    sizes = [float(required_numbers(header, keyword, 1, where)[0]) for keyword in ("Rows", "Columns")]
    depth = (number_of(header, "BitsAllocated", where) or 16.0) / 8 * (number_of(header, "SamplesPerPixel", where) or 1)
    claimed = math.prod([*sizes, frames, depth])
    if min(*sizes, frames) < 1 or claimed > MAX_PIXEL_BYTES:
        found = " x ".join(f"{size:.0f}" for size in (*sizes, frames))
        raise BadInputError(
            f"{where}: Rows x Columns x Frames {found}, expected at most {MAX_PIXEL_BYTES >> 20} MB of pixels"
        )
