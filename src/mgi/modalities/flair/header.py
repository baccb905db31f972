"""The elements of a DICOM file that we read, once each, as plain numbers and text.

pydicom makes an object of every value; of the thirty that a slice needs, that takes longer than unpacking its pixels.
A plainly stored file (PS3.5, section 7) is therefore read in one pass over its bytes. Only what is whole and regular is
read so: anything else is left to pydicom, which then decides what is wrong with it.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mgi.modalities.flair.complex_part import GE_BLOCK, GE_PART
from mgi.modalities.flair.dicom_layout import SHORT_VRS, START_BYTES, layout_of
from mgi.modalities.flair.quarantine import printable
from mgi.modalities.flair.sequence import TIMES

# The value that fills pixels outside of the image, and the other end of its range; signed as the pixels are.
PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")
# Private elements, which have no keyword: GE says the part of a complex image in its block alone, where that is GE's.
_PRIVATE = {GE_BLOCK: (0x00430010, "LO"), GE_PART: (0x0043102F, "SS")}
KEYWORDS = (
    GE_BLOCK, GE_PART,
    *("PatientID", "StudyInstanceUID", "ImageType", "ComplexImageComponent", "AcquisitionTime", *PADDING),
    "SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "InstanceNumber", "AcquisitionNumber",
    "TemporalPositionIdentifier", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "ScanningSequence", "InversionTime", "EchoTime", "RepetitionTime", "MagneticFieldStrength",
    "RescaleSlope", "RescaleIntercept", "SamplesPerPixel", "NumberOfFrames", "PhotometricInterpretation",
    "PixelRepresentation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
)  # fmt: skip
# Who and what a file is of, for those who group files into series.
IDENTITY = (
    *("SOPClassUID", "SOPInstanceUID", "StudyDate", "Modality", "SeriesDescription", "PatientID", "ProtocolName"),
    *("StudyInstanceUID", "SeriesInstanceUID", "NumberOfFrames"),
)
# What tells a FLAIR from another sequence, and an image that was taken from one that was computed.
SEQUENCE = (*TIMES, "ScanningSequence", "ImageOrientationPatient", "ImageType", "ComplexImageComponent")
TAGS = {
    keyword: BaseTag(_PRIVATE[keyword][0] if keyword in _PRIVATE else tag_for_keyword(keyword) or 0)
    for keyword in (*KEYWORDS, *IDENTITY)
}
KEYWORD_OF = {int(TAGS[keyword]): keyword for keyword in KEYWORDS}
# Implicit files do not say what kind an element is.
_PRIVATE_KINDS = dict(_PRIVATE.values())  # whatever a file says: many tools write UN
_KINDS = {int(tag): _PRIVATE_KINDS.get(int(tag)) or dictionary_VR(tag) for tag in TAGS.values()}
_NUMBERS = ("DS", "IS")
_SHORTS = ("US", "SS", "US or SS")  # the last is what the dictionary says of an element that has the pixels' sign
_NOT_PLAIN = object()

_PIXEL_DATA = 0x7FE00010
_META_END = 0x00030000
_SYNTAX = 0x00020010
_FUNCTIONAL_GROUPS = (0x52009229, 0x52009230)  # of a multi-frame file: nested, so not for this reader
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_DEEPEST = 8

_implicit = struct.Struct("<HHL").unpack_from
_explicit = struct.Struct("<HH2sH").unpack_from
_length = struct.Struct("<L").unpack_from


def header_of(dataset: Any, keywords: Sequence[str] = KEYWORDS) -> dict[str, Any]:
    """Return the elements that are there: a number, a text, a list of either, or None where one is empty."""
    elements = dict(dataset.items())  # as they were read: asking the data set for one converts it
    wanted = [(keyword, TAGS[keyword]) for keyword in keywords]
    return _signed({keyword: _value(dataset, tag, elements[tag]) for keyword, tag in wanted if tag in elements})


def read_plain(data: bytes) -> tuple[memoryview, dict[str, Any]] | None:
    """Return the pixels as they lie in a single-frame file of 8 or 16 bits, and the header as `header_of` does.

    None where the file is not of an uncompressed little-endian syntax, or not wholly regular: tags rise strictly,
    lengths stay inside the file, and its last element ends with it.
    """
    layout = layout_of(data[:START_BYTES])
    if layout is None:
        return None
    try:
        pixels, header = _read(data, layout.offset, layout.syntax or "")
    except (ValueError, struct.error):
        return None
    single = header.get("NumberOfFrames") in (None, 1) and header.get("BitsAllocated") in (8, 16)
    return (pixels, header) if single else None


def sequence_tags(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the elements of SEQUENCE, without malformed ones: times in ms, codes and cosines as lists."""
    tags: dict[str, Any] = {name: float(header[name]) for name in TIMES if isinstance(header.get(name), int | float)}
    for name in ("ScanningSequence", "ImageType"):
        if codes := header.get(name):
            tags[name] = [codes] if isinstance(codes, str) else [str(code) for code in codes]
    tags.update({name: header[name] for name in (GE_BLOCK, GE_PART) if isinstance(header.get(name), str | int)})
    if component := header.get("ComplexImageComponent"):
        tags["ComplexImageComponent"] = str(component)
    cosines = header.get("ImageOrientationPatient")
    if isinstance(cosines, Sequence) and all(isinstance(one, int | float) for one in cosines):
        tags["ImageOrientationPatient"] = [float(one) for one in cosines]
    return tags


def text_of(header: Mapping[str, Any], keyword: str) -> str:
    """Return an element as text of one line, empty where it is absent; a UID has at most 64 characters."""
    value = header.get(keyword)
    return "" if value is None else printable(str(value), 64)


def _value(dataset: Any, tag: BaseTag, raw: Any) -> Any:
    if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes):
        value = _plain_value(_kind_of(tag, raw.VR), raw.value, "little" if raw.is_little_endian else "big")
        if value is not _NOT_PLAIN:
            return value
    value = dataset[tag].value
    return None if value in (None, "", []) else value


def _kind_of(tag: int, stated: str | None) -> str:
    return _PRIVATE_KINDS.get(int(tag)) or stated or _KINDS[tag]


def _plain_value(kind: str, raw: bytes, order: Literal["little", "big"]) -> Any:
    if kind in (*_NUMBERS, "CS", "LO", "TM", "UI") and raw.isascii():
        parts = [part.strip(" \0") for part in raw.decode("ascii").split("\\")]
        values = [float(part) if part else None for part in parts] if kind in _NUMBERS else parts
        single = values[0] if len(values) == 1 else values
        return None if single == "" else single
    return int.from_bytes(raw, order) if kind in _SHORTS and len(raw) == 2 else _NOT_PLAIN


def _signed(header: dict[str, Any]) -> dict[str, Any]:
    """Return the header with the sign of its padding: files state either kind, and implicit ones none."""
    for keyword in PADDING:
        value = header.get(keyword)
        if isinstance(value, int):
            header[keyword] = (
                (value + 0x8000) % 0x10000 - 0x8000 if header.get("PixelRepresentation") == 1 else value % 0x10000
            )
    return header


def _read(data: bytes, at: int, syntax: str) -> tuple[memoryview, dict[str, Any]]:
    last, implicit = 0, False
    header: dict[str, Any] = {}
    pixels = None
    end = len(data)
    while at < end:
        if last < _META_END and not implicit and data[at : at + 2] != b"\x02\x00":
            if syntax not in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
                raise ValueError
            last, implicit = _META_END, syntax == ImplicitVRLittleEndian
        tag, kind, value, at = _element(data, at, implicit)
        if tag <= last or at > end or tag in _FUNCTIONAL_GROUPS:
            raise ValueError
        last = tag
        if tag in KEYWORD_OF:
            found = _plain_value(_kind_of(tag, kind.decode() if kind else None), data[value:at], "little")
            if found is _NOT_PLAIN:
                raise ValueError
            header[KEYWORD_OF[tag]] = found
        elif tag == _SYNTAX:
            syntax = data[value:at].decode("ascii", "replace").rstrip("\0")
        elif tag == _PIXEL_DATA:
            pixels = memoryview(data)[value:at]
    if pixels is None:
        raise ValueError
    return pixels, _signed(header)


def _element(data: bytes, at: int, implicit: bool, depth: int = 0) -> tuple[int, bytes | None, int, int]:
    """Return tag and VR of the element at an offset, and where its value begins and ends."""
    kind = None
    if implicit:
        group, number, length = _implicit(data, at)
        value = at + 8
    else:
        group, number, kind, length = _explicit(data, at)
        value = at + 8
        if kind in _LONG:
            (length,) = _length(data, at + 8)
            value = at + 12
        elif kind not in SHORT_VRS:
            raise ValueError
    tag = group << 16 | number
    if length != _UNDEFINED:
        return tag, kind, value, value + length
    if tag == _PIXEL_DATA or kind not in (None, b"SQ"):
        raise ValueError
    return tag, kind, value, _after_sequence(data, value, implicit, depth + 1)


def _after_sequence(data: bytes, at: int, implicit: bool, depth: int) -> int:
    """Return where a sequence without a length ends: its items are skipped."""
    if depth > _DEEPEST:
        raise ValueError
    while True:
        group, number, length = _implicit(data, at)
        at += 8
        tag = group << 16 | number
        if tag == _SEQUENCE_END:
            return at
        if tag != _ITEM:
            raise ValueError
        at = at + length if length != _UNDEFINED else _after_item(data, at, implicit, depth)


def _after_item(data: bytes, at: int, implicit: bool, depth: int) -> int:
    while True:
        group, number, _ = _implicit(data, at)
        if group << 16 | number == _ITEM_END:
            return at + 8
        *_, at = _element(data, at, implicit, depth)
