"""One DICOM file, gated before it is decoded, and its elements as checked numbers.

pydicom rather than SimpleITK, whose GDCM has an open leak (CVE-2026-3650) and is not fuzzed.
"""

import io
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from mgi.core.errors import BadInputError
from mgi.modalities.flair.codecs import require_decoder
from mgi.modalities.flair.dicom_layout import START_BYTES, layout_of
from mgi.modalities.flair.header import header_of, read_plain, text_of
from mgi.modalities.flair.quarantine import quarantine

_PIXEL_DATA, _UNDEFINED = Tag("PixelData"), 0xFFFFFFFF
MAX_PIXEL_BYTES = 128 << 20  # of one file, all its frames; decoding and rescaling takes several times as much


class DicomFile:
    """One file, parsed and not yet judged or decoded; the same at fetch and at shard.

    `pixels` are the bytes of a single frame of 8 or 16 bits that is stored plainly, None for all other files.
    """

    def __init__(self, data: bytes, where: str) -> None:
        """Raise BadInputError where the bytes are no DICOM, or are deflated."""
        self._data, self.where = data, where
        with quarantine(where):
            self.pixels: memoryview | None = None
            if (plain := read_plain(data)) is not None:
                self.pixels, self.header = plain
            else:
                self.dataset = read_elements(io.BytesIO(data), where)

    @cached_property
    def dataset(self) -> Any:
        """All elements as pydicom has them; use it inside `quarantine`."""
        return read_elements(io.BytesIO(self._data), self.where)

    @cached_property
    def header(self) -> dict[str, Any]:
        """The elements of `header.KEYWORDS` as plain values; use it inside `quarantine`."""
        return header_of(self.dataset)

    def texts(self, *keywords: str) -> tuple[str, ...]:
        """Return elements as texts of one line, empty where there is none."""
        with quarantine(self.where):
            elements = self.header if self.pixels is not None else self.dataset
            return tuple(text_of(elements, keyword) for keyword in keywords)

    def require_decodable(self) -> None:
        """Refuse a file that has no decoder here or claims too many pixels; use it inside `quarantine`."""
        where = self.where
        if self.pixels is None:
            syntax = self.dataset.file_meta.get("TransferSyntaxUID")
            require_decoder(syntax, where)
            pixels = dict(self.dataset.items()).get(_PIXEL_DATA)
            if not syntax.is_encapsulated and getattr(pixels, "length", 0) == _UNDEFINED:
                raise BadInputError(f"{where}: PixelData: compressed, and TransferSyntaxUID does not say how")
        header = self.header
        frames = number_of(header, "NumberOfFrames", where) or 1.0
        sizes = [float(required_numbers(header, keyword, 1, where)[0]) for keyword in ("Rows", "Columns")]
        depth = (
            (number_of(header, "BitsAllocated", where) or 16) / 8 * (number_of(header, "SamplesPerPixel", where) or 1)
        )
        claimed = math.prod([*sizes, frames, depth])
        if min(*sizes, frames) < 1 or claimed > MAX_PIXEL_BYTES:
            found = " x ".join(f"{size:.0f}" for size in (*sizes, frames))
            most = f"expected at most {MAX_PIXEL_BYTES >> 20} MB of pixels"
            raise BadInputError(f"{where}: Rows x Columns x Frames {found}, {most}")


def read_elements(source: BinaryIO, where: str, wanted: Sequence[BaseTag] | None = None) -> Any:
    """Return the elements of a file as pydicom has them, or only those `wanted`; nothing behind the last is parsed.

    Use it inside `quarantine`. Raises BadInputError where the file is deflated: 400 kB of tags inflate to a gigabyte.
    """
    layout = layout_of(source.read(START_BYTES))
    if layout is None:
        raise BadInputError(f"{where}: neither DICM at byte 128 nor the first elements of an object, expected DICOM")
    source.seek(layout.offset)
    # The file meta group is read alone: dcmread would inflate a deflated file before its syntax could be refused.
    meta = Dataset()
    if layout.syntax is None:
        meta = read_dataset(
            source, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, *_: int(tag) >> 16 != 2
        )
    else:
        meta.TransferSyntaxUID = layout.syntax
    syntax = meta.get("TransferSyntaxUID")
    if syntax == DeflatedExplicitVRLittleEndian:
        raise BadInputError(f"{where}: TransferSyntaxUID {syntax.name}, refused; convert it or take it away")
    last = None if wanted is None else max(map(int, wanted))
    # What follows is read from where the source stands, in half the time that dcmread takes from the start.
    dataset = read_dataset(
        source,
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=syntax != ExplicitVRBigEndian,
        # As whole numbers: pydicom's tags compare many times slower.
        stop_when=None if last is None else lambda tag, vr, length: int.__gt__(tag, last),
        specific_tags=None if wanted is None else list(wanted),
    )
    dataset.file_meta = FileMetaDataset(meta)
    return dataset


def number_of(dataset: Any, keyword: str, where: str) -> float | None:
    """Return a numeric element of a header or data set, None where it is absent or empty."""
    value = dataset.get(keyword)
    if type(value) is float and math.isfinite(value):
        return value
    numbers = numbers_of(dataset, keyword, 1, where)
    return None if numbers is None else float(numbers[0])


def numbers_of(dataset: Any, keyword: str, n: int, where: str) -> NDArray[np.float64] | None:
    """Return `n` finite numbers of an element, None where it is absent or empty."""
    value = dataset.get(keyword)
    if value is None or value == "" or (hasattr(value, "__len__") and len(value) == 0):
        return None
    numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if numbers.shape != (n,) or not np.isfinite(numbers).all():
        raise BadInputError(f"{where}: {keyword}: found {value!r}, expected {n} finite number(s)")
    return numbers


def required_numbers(dataset: Any, keyword: str, n: int, where: str) -> NDArray[np.float64]:
    """Return `n` finite numbers of an element that must be there."""
    numbers = numbers_of(dataset, keyword, n, where)
    if numbers is None:
        raise BadInputError(f"{where}: {keyword}: missing")
    return numbers


def direction_cosines(dataset: Any, where: str) -> NDArray[np.float64]:
    """Return ImageOrientationPatient as unit vectors (2, 3): along a row, down a column."""
    axes = required_numbers(dataset, "ImageOrientationPatient", 6, where).reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1)
    if (np.abs(lengths - 1) > 0.01).any() or abs(float(axes[0] @ axes[1])) > 0.01:
        found = axes.ravel().tolist()
        raise BadInputError(f"{where}: ImageOrientationPatient {found}, expected orthogonal unit vectors")
    return np.asarray(axes / lengths[:, None])


def pixel_spacing(dataset: Any, where: str) -> NDArray[np.float64]:
    """Return PixelSpacing in mm: between rows, between columns."""
    spacing = required_numbers(dataset, "PixelSpacing", 2, where)
    if (spacing <= 0).any():
        raise BadInputError(f"{where}: PixelSpacing {spacing.tolist()}, expected two positive numbers")
    return spacing
