"""The headers of a folder's DICOM files, read without their pixels and without trusting their names."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pydicom
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from mgi.core.dates import iso_date
from mgi.core.errors import BadInputError
from mgi.modalities.flair.sources.series_zip import DEFLATED_EXPLICIT_VR, TAGS, tags_of, transfer_syntax

T = TypeVar("T")

PREAMBLE_BYTES = 128
DICOMDIR = "1.2.840.10008.1.3.10"
_IDENTITY = [
    Tag(keyword)
    for keyword in (
        *("SOPClassUID", "SOPInstanceUID", "StudyDate", "Modality", "SeriesDescription", "PatientID", "ProtocolName"),
        *("StudyInstanceUID", "SeriesInstanceUID", "NumberOfFrames"),
    )
]
_SEQUENCE = [Tag(keyword) for keyword in TAGS]


@dataclass(frozen=True, kw_only=True)
class DicomHeader:
    """One file that belongs to a series; `name` is its path in the folder, `n_frames` at least 1."""

    name: str
    size: int
    patient: str
    study_uid: str
    study_date: str | None
    series_uid: str
    sop_uid: str
    modality: str
    description: str
    n_frames: int


def read_dicom_header(folder: Path, name: str) -> DicomHeader | None:
    """The header of a file, or None where it is not DICOM, or the table of contents of a disk (a DICOMDIR).

    Raises BadInputError naming a file that says it is DICOM and cannot be read to its series, since a slice must not go
    missing in silence, or whose tags and pixels are deflated: 400 kB of those inflate to a gigabyte.
    """
    path = folder / name
    return _quarantined(path, _IDENTITY, lambda found: _header_of(found, path, name))


def read_sequence_tags(path: Path) -> dict[str, Any]:
    """The tags that tell a FLAIR, of one file; empty where it is not DICOM."""
    return _quarantined(path, _SEQUENCE, tags_of) or {}


def _quarantined(path: Path, wanted: Sequence[BaseTag], take: Callable[[pydicom.Dataset], T]) -> T | None:
    try:
        with path.open("rb") as source, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd value is no reason to refuse a file, nor to fill the log
            if source.read(PREAMBLE_BYTES + 4)[PREAMBLE_BYTES:] != b"DICM":
                return None
            source.seek(0)
            return take(_elements(source, wanted, path))
    except BadInputError:
        raise
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001 - hostile DICOM raises nine kinds; each one ends here, named
        raise BadInputError(f"{path}: DICOM that cannot be read ({type(error).__name__}); take it away") from None


def _elements(source: BinaryIO, wanted: Sequence[BaseTag], path: Path) -> pydicom.Dataset:
    """The wanted elements; what comes after the last, such as a vendor's own thousands, is not parsed."""
    syntax = transfer_syntax(source)
    if syntax == DEFLATED_EXPLICIT_VR:
        raise BadInputError(f"{path}: deflated transfer syntax, refused; convert it or take it away")
    last = max(wanted)
    return read_dataset(
        source,
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=syntax != ExplicitVRBigEndian,
        stop_when=lambda tag, vr, length: tag > last,
        specific_tags=list(wanted),
    )


def _header_of(found: pydicom.Dataset, path: Path, name: str) -> DicomHeader | None:
    if found.get("SOPClassUID") == DICOMDIR:
        return None
    series, sop = (str(found.get(keyword) or "") for keyword in ("SeriesInstanceUID", "SOPInstanceUID"))
    if not series or not sop:
        raise BadInputError(f"{path}: DICOM without SeriesInstanceUID or SOPInstanceUID, cut short; take it away")
    return DicomHeader(
        name=name,
        size=path.stat().st_size,
        patient=str(found.get("PatientID") or "").strip(),
        study_uid=str(found.get("StudyInstanceUID") or ""),
        study_date=_date_of(str(found.get("StudyDate") or "")),
        series_uid=series,
        sop_uid=sop,
        modality=str(found.get("Modality") or ""),
        description=str(found.get("SeriesDescription") or found.get("ProtocolName") or "").strip(),
        n_frames=max(1, int(found.get("NumberOfFrames") or 1)),
    )


def _date_of(text: str) -> str | None:
    """The day, or None where it is absent or no date: other studies are then preferred."""
    try:
        return iso_date(text)
    except BadInputError:
        return None
