"""The headers of a folder's DICOM files, read without their pixels and without trusting their names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgi.core.dates import iso_date
from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_file import read_elements
from mgi.modalities.flair.header import IDENTITY, SEQUENCE, TAGS, header_of, sequence_tags
from mgi.modalities.flair.quarantine import quarantine
from mgi.modalities.flair.sequence import Series

PREAMBLE_BYTES = 128
DICOMDIR = "1.2.840.10008.1.3.10"


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
    with quarantine(str(path)):
        found = _elements(path, IDENTITY)
        return None if found is None else _header_of(found, path, name)


def series_of(headers: Sequence[DicomHeader], patient: str) -> Series:
    """What the files of one series say of it, as a choice of FLAIR wants to know."""
    first = headers[0]
    return Series(
        patient_id=patient,
        study_uid=first.study_uid,
        study_date=first.study_date,
        key=first.series_uid,
        modality=first.modality,
        description=first.description,
        n_images=len(headers) if first.modality == "SEG" else sum(header.n_frames for header in headers),
        size=sum(header.size for header in headers),
    )


def read_sequence_tags(path: Path) -> dict[str, Any]:
    """The tags that tell a FLAIR, of one file; empty where it is not DICOM."""
    with quarantine(str(path)):
        return sequence_tags(_elements(path, SEQUENCE) or {})


def _elements(path: Path, keywords: Sequence[str]) -> dict[str, Any] | None:
    with path.open("rb") as source:
        if source.read(PREAMBLE_BYTES + 4)[PREAMBLE_BYTES:] != b"DICM":
            return None
        source.seek(0)
        return header_of(read_elements(source, str(path), [TAGS[keyword] for keyword in keywords]), keywords)


def _header_of(found: dict[str, Any], path: Path, name: str) -> DicomHeader | None:
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
