"""The headers of a folder's DICOM files, read without their pixels and without trusting their names."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom

from mgi.core.errors import BadInputError
from mgi.sources.dates import iso_date
from mgi.sources.series_zip import DEFLATED_EXPLICIT_VR, TAGS, tags_of, transfer_syntax

PREAMBLE_BYTES = 128
DICOMDIR = "1.2.840.10008.1.3.10"
_WANTED = (
    *("PatientID", "StudyInstanceUID", "StudyDate", "SeriesInstanceUID", "SOPInstanceUID", "Modality"),
    *("SeriesDescription", "ProtocolName", "NumberOfFrames"),
    *TAGS,
)


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
    tags: Mapping[str, Any]


def read_dicom_header(folder: Path, name: str) -> DicomHeader | None:
    """The header of a file, or None where it is not DICOM, or the table of contents of a disk (a DICOMDIR).

    Raises BadInputError naming a file that says it is DICOM and cannot be read to its series, since a slice must not go
    missing in silence, or whose tags and pixels are deflated: 400 kB of those inflate to a gigabyte.
    """
    path = folder / name
    try:
        with path.open("rb") as source, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd value is no reason to refuse a file, nor to fill the log
            if source.read(PREAMBLE_BYTES + 4)[PREAMBLE_BYTES:] != b"DICM":
                return None
            source.seek(0)
            if transfer_syntax(source) == DEFLATED_EXPLICIT_VR:
                raise BadInputError(f"{path}: deflated transfer syntax, refused; convert it or take it away")
            source.seek(0)
            found = pydicom.dcmread(source, stop_before_pixels=True, specific_tags=list(_WANTED))
            if found.file_meta.get("MediaStorageSOPClassUID") == DICOMDIR:
                return None
            return _header_of(found, path, name)
    except BadInputError:
        raise
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001 - hostile DICOM raises nine kinds; each one ends here, named
        raise BadInputError(f"{path}: DICOM that cannot be read ({type(error).__name__}); take it away") from None


def _header_of(found: pydicom.Dataset, path: Path, name: str) -> DicomHeader:
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
        tags=tags_of(found),
    )


def _date_of(text: str) -> str | None:
    """The day, or None where it is absent or no date: other studies are then preferred."""
    try:
        return iso_date(text)
    except BadInputError:
        return None
