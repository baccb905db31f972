"""The headers of a folder's DICOM files, read without their pixels and without trusting their names."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydicom.tag import Tag

from mgi.core.dates import iso_date
from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_file import read_elements
from mgi.modalities.flair.dicom_layout import START_BYTES, layout_of
from mgi.modalities.flair.dicom_slices import frame_headers
from mgi.modalities.flair.header import IDENTITY, SEQUENCE, TAGS, header_of, sequence_tags
from mgi.modalities.flair.quarantine import quarantine
from mgi.modalities.flair.sequence import Series, confirm_flair, doubts_of, tags_of_series

DICOM_ENDINGS = (".dcm", ".dicom", ".ima")
DICOMDIR = "1.2.840.10008.1.3.10"
_READ = tuple(dict.fromkeys((*IDENTITY, *SEQUENCE)))
# What an enhanced object says of its frames.
GROUPS = [Tag("SharedFunctionalGroupsSequence"), Tag("PerFrameFunctionalGroupsSequence")]


@dataclass(frozen=True, kw_only=True)
class DicomHeader:
    """One file: `name` is its path in the folder, `series` what it says of its series and what it adds to that.

    `tags` are those that tell a FLAIR; of a file of many frames they are those of its frames.
    """

    name: str
    sop_uid: str
    series: Series
    tags: Mapping[str, Any] = field(default_factory=dict)


def read_dicom_header(folder: Path, name: str) -> DicomHeader | None:
    """The header of a file, or None where it is not DICOM, or the table of contents of a disk (a DICOMDIR).

    Raises BadInputError naming a file that says it is DICOM and cannot be read to its series, since a slice must not go
    missing in silence, or whose tags and pixels are deflated: 400 kB of those inflate to a gigabyte.
    """
    path = folder / name
    with quarantine(str(path)):
        found = _elements(path, _READ)
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
        is_enhanced = listed.modality == "MR" and listed.n_images > 1
        tags = _tags_of_frames(path, found, listed.n_images) if is_enhanced else sequence_tags(found)
    return DicomHeader(name=name, sop_uid=sop, series=listed, tags=tags)


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
    is_image = first.modality != "SEG"
    tags = tags_of_series([header.tags for header in headers]) if is_image else {}
    return replace(
        first,
        patient_id=patient,
        n_images=sum(header.series.n_images for header in headers) if is_image else len(headers),
        size=sum(header.series.size for header in headers),
        contradiction=confirm_flair(tags),
        doubts=doubts_of(tags),
    )


def _tags_of_frames(path: Path, header: dict[str, Any], n_frames: int) -> Mapping[str, Any]:
    """The tags of most frames of a multi-frame file; its own where the frames say nothing that can be read."""
    with path.open("rb") as source:
        dataset = read_elements(source, str(path), GROUPS)
    try:
        return tags_of_series([sequence_tags(one) for one in frame_headers(dataset, header, n_frames, str(path))])
    except BadInputError:
        return sequence_tags(header)


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
