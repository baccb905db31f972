"""The headers of a folder's DICOM files, read without their pixels and without trusting their names."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mgi.core.dates import iso_date
from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_file import read_elements
from mgi.modalities.flair.dicom_layout import START_BYTES, layout_of
from mgi.modalities.flair.header import IDENTITY, SEQUENCE, TAGS, header_of, sequence_tags
from mgi.modalities.flair.quarantine import quarantine
from mgi.modalities.flair.sequence import Series

DICOM_ENDINGS = (".dcm", ".dicom", ".ima")
DICOMDIR = "1.2.840.10008.1.3.10"


@dataclass(frozen=True, kw_only=True)
class DicomHeader:
    """One file: `name` is its path in the folder, `series` what it says of its series and what it adds to that."""

    name: str
    sop_uid: str
    series: Series


def read_dicom_header(folder: Path, name: str) -> DicomHeader | None:
    """The header of a file, or None where it is not DICOM, or the table of contents of a disk (a DICOMDIR).

    Raises BadInputError naming a file that says it is DICOM and cannot be read to its series, since a slice must not go
    missing in silence, or whose tags and pixels are deflated: 400 kB of those inflate to a gigabyte.
    """
    path = folder / name
    with quarantine(str(path)):
        found = _elements(path, IDENTITY)
        if found is None or found.get("SOPClassUID") == DICOMDIR:
            return None
        series, sop = (str(found.get(keyword) or "") for keyword in ("SeriesInstanceUID", "SOPInstanceUID"))
        if not series or not sop:
            raise BadInputError(f"{path}: DICOM without SeriesInstanceUID or SOPInstanceUID, cut short; take it away")
        listed = Series(
            patient_id=str(found.get("PatientID") or "").strip(),
            study_uid=str(found.get("StudyInstanceUID") or ""),
            study_date=_date_of(str(found.get("StudyDate") or "")),
            key=series,
            modality=str(found.get("Modality") or ""),
            description=str(found.get("SeriesDescription") or found.get("ProtocolName") or "").strip(),
            n_images=max(1, int(found.get("NumberOfFrames") or 1)),
            size=path.stat().st_size,
        )
    return DicomHeader(name=name, sop_uid=sop, series=listed)


def headers_by_series(folder: Path, names: Iterable[str]) -> tuple[dict[str, list[DicomHeader]], list[str]]:
    """The headers of the DICOM files among `names` by SeriesInstanceUID, and the other files."""
    groups: dict[str, list[DicomHeader]] = defaultdict(list)
    others = []
    for name in names:
        if (header := read_dicom_header(folder, name)) is None:
            others.append(name)
        else:
            groups[header.series.key].append(header)
    return groups, others


def series_of(headers: Sequence[DicomHeader], patient: str) -> Series:
    """What the files of one series say of it, as a choice of FLAIR wants to know."""
    first = headers[0].series
    n_images = len(headers) if first.modality == "SEG" else sum(header.series.n_images for header in headers)
    return replace(first, patient_id=patient, n_images=n_images, size=sum(header.series.size for header in headers))


def read_sequence_tags(path: Path) -> dict[str, Any]:
    """The tags that tell a FLAIR, of one file; empty where it is not DICOM."""
    with quarantine(str(path)):
        return sequence_tags(_elements(path, SEQUENCE) or {})


def _elements(path: Path, keywords: Sequence[str]) -> dict[str, Any] | None:
    with path.open("rb") as source:
        if layout_of(source.read(START_BYTES)) is None:
            if path.name.lower().endswith(DICOM_ENDINGS):
                raise BadInputError(
                    f"{path}: {path.stat().st_size} bytes that are no DICOM, expected it by the name; take it away"
                )
            return None
        source.seek(0)
        return header_of(read_elements(source, str(path), [TAGS[keyword] for keyword in keywords]), keywords)


def _date_of(text: str) -> str | None:
    """The day, or None where it is absent or no date: other studies are then preferred."""
    try:
        return iso_date(text)
    except BadInputError:
        return None
