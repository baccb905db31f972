"""Rows of the NBIA API as v4 and v1 name them: which columns, which dates, and who may see them.

The folder stores ISO dates and the v4 names. v4 tells MM-DD-YYYY; v1 tells "YYYY-MM-DD 00:00:00.0" and has fewer
columns; which ones exactly is not documented, so those that came with v4 are left out.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from mgi_standin.archive.folder import Archive, Row
from mgi_standin.archive.response import Response, text_response

_SERIES = """
SeriesInstanceUID StudyInstanceUID Modality ProtocolName SeriesDate SeriesDescription BodyPartExamined SeriesNumber
AnnotationsFlag Collection Site PatientID PatientSex PatientAge AdmittingDiagnosisDescription Manufacturer
ManufacturerModelName SoftwareVersions ImageCount MaxSubmissionTimestamp LicenseName LicenseURI DataDescriptionURI
FileSize ReleasedStatus DateReleased StudyDesc StudyDate ThirdPartyAnalysis Authorized
"""
_PATIENT = """
PatientId PatientName PatientSex EthnicGroup Collection Phantom SpeciesCode SpeciesDescription Authorized
"""
_STUDY = """
StudyInstanceUID StudyDate StudyDescription AdmittingDiagnosesDescription StudyID PatientAge PatientID PatientName
PatientSex EthnicGroup Collection SeriesCount LongitudinalTemporalEventType LongitudinalTemporalOffsetFromEvent
Authorized
"""
SERIES, PATIENT, STUDY = _SERIES.split(), _PATIENT.split(), _STUDY.split()
# Columns of getSeriesMetadata and what they hold.
_METADATA = """
Series UID=SeriesInstanceUID, Collection=Collection, 3rd Party Analysis=ThirdPartyAnalysis,
Data Description URI=DataDescriptionURI, Subject ID=PatientID, Study UID=StudyInstanceUID, Study Description=StudyDesc,
Study Date=StudyDate, Series Description=SeriesDescription, Manufacturer=Manufacturer, Modality=Modality,
SOP Class UID=SOPClassUID, Number of Images=ImageCount, File Size=FileSize, File Location=FileLocation,
Series Number=SeriesNumber, License Name=LicenseName, License URL=LicenseURI, Annotation Size=AnnotationSize,
Date Released=DateReleased, Series Date=SeriesDate, Protocol Name=ProtocolName, Body Part Examined=BodyPartExamined,
Annotations Flag=AnnotationsFlag, Manufacturer Model Name=ManufacturerModelName, Software Versions=SoftwareVersions,
TimeStamp=MaxSubmissionTimestamp
"""
METADATA = dict(pair.split("=") for pair in re.split(r",\s", _METADATA.strip()))
_ONLY_V4 = (
    "Site", "PatientSex", "PatientAge", "AdmittingDiagnosisDescription", "ReleasedStatus", "Authorized", "StudyID"
)  # fmt: skip
_V1_NAMES = {"MaxSubmissionTimestamp": "TimeStamp"}
_DATES = ("SeriesDate", "StudyDate", "DateReleased", "MaxSubmissionTimestamp")


@dataclass(frozen=True)
class Guest:
    """What somebody without an account sees: restricted series, and patients and studies of only those, are absent."""

    archive: Archive

    @cached_property
    def series(self) -> dict[str, Row]:
        """Visible series by UID, in stored order."""
        return {row["SeriesInstanceUID"]: row for row in self.archive.series if _is_public(row)}

    @cached_property
    def patients(self) -> list[Row]:
        """Visible patients; one without any series counts as visible."""
        return self._visible(self.archive.patients, "PatientId", "PatientID")

    @cached_property
    def studies(self) -> list[Row]:
        """Visible studies; one without any series counts as visible."""
        return self._visible(self.archive.studies, "StudyInstanceUID", "StudyInstanceUID")

    def _visible(self, rows: list[Row], name: str, in_series: str) -> list[Row]:
        shown = {row[in_series] for row in self.series.values()}
        hidden = {row[in_series] for row in self.archive.series} - shown
        return [row for row in rows if _is_public(row) and row[name] not in hidden]


def _is_public(row: Row) -> bool:
    return bool(row.get("access", "public") != "restricted")


def columns_of(rows: Iterable[Row], columns: Iterable[str], version: str) -> list[Row]:
    """Cut rows to columns in their order, dates as the version writes them; absent ones become null."""
    names = {column: column for column in columns}
    if version != "v4":
        names = {_V1_NAMES.get(column, column): column for column in columns if column not in _ONLY_V4}
    return [{name: _shown(column, row.get(column), version) for name, column in names.items()} for row in rows]


def _shown(column: str, value: object, version: str) -> object:
    if column not in _DATES or not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return value
    return f"{value[5:7]}-{value[8:]}-{value[:4]}" if version == "v4" else f"{value} 00:00:00.0"


def json_rows(rows: list[Row]) -> Response:
    """Reply with rows without their nulls; no row is a 200 without body and content type, not an empty array."""
    shown = [{key: value for key, value in row.items() if value is not None} for row in rows]
    return text_response(json.dumps(shown), content_type="application/json") if rows else Response()


def csv_response(rows: list[Row], columns: Mapping[str, str]) -> Response:
    """Reply with a CSV file as v4 writes it: a header of the names of `columns` and a line a row."""
    values = ([_shown(column, row.get(column), "v4") for column in columns.values()] for row in rows)
    text = "".join([_csv_line(list(columns)), *map(_csv_line, values)])
    headers = {"Content-Type": "text/csv", "Content-Disposition": 'attachment; filename="metadata.csv"'}
    return Response(headers=headers, body=text.encode()) if rows else Response()


def _csv_line(cells: list[object]) -> str:
    """One line; the server writes the opening quote with the first value, so a null there loses it."""
    opening = "" if cells[0] is None else '"'
    return opening + '","'.join("" if cell is None else str(cell).replace('"', '""') for cell in cells) + '"\n'
