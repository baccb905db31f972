"""The elements of a DICOM file that we read, once each, as plain numbers and text.

pydicom makes an object of every value; of the thirty that a slice needs, that takes longer than unpacking its pixels.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from mgi.modalities.flair.quarantine import printable
from mgi.modalities.flair.sequence import TIMES

KEYWORDS = (
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
# What tells a FLAIR from another sequence.
SEQUENCE = (*TIMES, "ScanningSequence", "ImageOrientationPatient")
TAGS = {keyword: BaseTag(tag_for_keyword(keyword) or 0) for keyword in (*KEYWORDS, *IDENTITY)}
KEYWORD_OF = {int(TAGS[keyword]): keyword for keyword in KEYWORDS}
# Implicit files do not say what kind an element is.
_KINDS = {int(tag): dictionary_VR(tag) for tag in TAGS.values()}
_NUMBERS = ("DS", "IS")
_PLAIN = (*_NUMBERS, "CS", "UI")
_WORD_BYTES = 2
_NOT_PLAIN = object()


def header_of(dataset: Any, keywords: Sequence[str] = KEYWORDS) -> dict[str, Any]:
    """Return the elements that are there: a number, a text, a list of either, or None where one is empty."""
    elements = dict(dataset.items())  # as they were read: asking the data set for one converts it
    wanted = [(keyword, TAGS[keyword]) for keyword in keywords]
    return {keyword: _value(dataset, tag, elements[tag]) for keyword, tag in wanted if tag in elements}


def header_of_plain(elements: Mapping[int, tuple[str | None, bytes]]) -> dict[str, Any] | None:
    """Return the header of elements as they lie in a little-endian file, None where one needs pydicom."""
    header = {}
    for tag, (kind, raw) in elements.items():
        value = _plain_value(kind or _KINDS[tag], raw, "little")
        if value is _NOT_PLAIN:
            return None
        header[KEYWORD_OF[tag]] = value
    return header


def sequence_tags(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the elements of SEQUENCE, without malformed ones: times in ms, codes and cosines as lists."""
    tags: dict[str, Any] = {name: float(header[name]) for name in TIMES if isinstance(header.get(name), int | float)}
    if codes := header.get("ScanningSequence"):
        tags["ScanningSequence"] = [codes] if isinstance(codes, str) else [str(code) for code in codes]
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
        value = _plain_value(raw.VR or _KINDS[tag], raw.value, "little" if raw.is_little_endian else "big")
        if value is not _NOT_PLAIN:
            return value
    value = dataset[tag].value
    return None if value in (None, "", []) else value


def _plain_value(kind: str, raw: bytes, order: Literal["little", "big"]) -> Any:
    if kind in _PLAIN and raw.isascii():
        parts = [part.strip(" \0") for part in raw.decode("ascii").split("\\")]
        values = [float(part) if part else None for part in parts] if kind in _NUMBERS else parts
        single = values[0] if len(values) == 1 else values
        return None if single == "" else single
    return int.from_bytes(raw, order) if kind == "US" and len(raw) == _WORD_BYTES else _NOT_PLAIN
