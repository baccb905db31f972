"""The NBIA API over an archive folder, seen by a guest: endpoints, their allowed parameters, their refusals."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from mgi_standin.archive.folder import Archive, Row
from mgi_standin.archive.nbia_format import SERVER_FAILED, rows_response
from mgi_standin.archive.nbia_tables import (
    PATIENT,
    SERIES,
    STUDY,
    Guest,
    columns_of,
    matching,
    metadata_of,
    released_since,
)
from mgi_standin.archive.nbia_token import token_response
from mgi_standin.archive.nbia_zip import series_zip
from mgi_standin.archive.response import FilePart, Handler, RefusalError, Request, Response, attachment, text_response

PREFIX = "/nbia-api"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of an endpoint: parameters of the query and the form, first of repeated ones."""

    guest: Guest
    version: str
    params: dict[str, str]
    allowed: list[str]

    def matching(self, rows: Iterable[Row]) -> list[Row]:
        """Keep the rows that equal every parameter that names a column."""
        return matching(rows, self.params, set(self.allowed) - {"format", "Date", "fromDate"})

    def table(self, rows: Iterable[Row], columns: Iterable[str]) -> Response:
        """Reply with these columns of rows."""
        return self.rows(columns_of(rows, columns, self.version))

    def rows(self, rows: list[Row]) -> Response:
        """Reply with rows in the format asked for."""
        return rows_response(rows, self.params.get("format"), self.version)

    def required(self, name: str) -> str:
        """Return a parameter; raises RefusalError (400) where it is missing."""
        if not self.params.get(name):
            text = f"A parameter, {name}, is required for this API call."
            raise RefusalError(text_response(text, 400, "application/json"))
        return self.params[name]

    def visible_series(self) -> Row:
        """Return the series asked for; raises RefusalError (400), the same for an unknown and a restricted one."""
        uid = self.required("SeriesInstanceUID")
        if uid not in self.guest.series:
            raise RefusalError(_denied(uid, self.version))
        return self.guest.series[uid]


@dataclass(frozen=True)
class Endpoint:
    """What answers, and the parameters that v4 allows (space-separated); any other is refused there."""

    allowed: str
    reply: Callable[[Call], Response]
    method: str = "GET"
    in_v4: bool = True


def nbia_service(archive: Archive) -> Handler:
    """Build the API: /nbia-api/services/{v4,v2,v1}/… and /nbia-api/oauth/token."""
    return partial(_answer, Guest(archive))


def _answer(guest: Guest, request: Request) -> Response:
    if request.path == f"{PREFIX}/oauth/token":
        return token_response(request)
    match = re.fullmatch(rf"{PREFIX}/services/(v1|v2|v4)/(\w+)", request.path)
    endpoint = _ENDPOINTS.get(match.group(2)) if match else None
    version = match.group(1) if match else ""
    if endpoint is None or (version == "v4" and not endpoint.in_v4):
        return text_response("HTTP Status 404 - Not Found", 404)
    if version == "v2" and not request.headers.get("authorization", "").startswith("Bearer "):
        return text_response("HTTP Status 401 - Unauthorized", 401)
    if request.method == "HEAD":
        return text_response(SERVER_FAILED, 500)
    if request.method != endpoint.method:
        return text_response("HTTP Status 405 - Method Not Allowed", 405)
    pairs = [*request.query, *(request.form() if request.method == "POST" else [])]
    params = dict(reversed(pairs))
    allowed = endpoint.allowed.split()
    unknown = next((name for name, _ in pairs if name not in allowed), None)
    if version == "v4" and unknown is not None:
        text = f"Invalid query parameter: '{unknown}'. Allowed parameters are: [{', '.join(allowed)}]"
        return text_response(text, 400)
    try:
        return endpoint.reply(Call(guest=guest, version=version, params=params, allowed=allowed))
    except RefusalError as refusal:
        return refusal.response


def _denied(uid: str, version: str) -> Response:
    text = f"Image with given SeriesInstanceUID,{uid}, is not in public domain."
    if version != "v1":
        text = (
            f"The user has not been granted the access to image with given SeriesInstanceUID,{uid}. "
            "Please contact the system administrator."
        )
    return text_response(text, 400, "application/json")  # plain text under that label, as the server does


def _collections(call: Call) -> Response:
    names = sorted({row["Collection"] for row in call.guest.series.values()})
    return call.rows([{"Collection": name} for name in names])


def _patients(call: Call) -> Response:
    return call.table(call.matching(call.guest.patients), PATIENT)


def _studies(call: Call) -> Response:
    return call.table(call.matching(call.guest.studies), STUDY)


def _series(call: Call) -> Response:
    return call.table(call.matching(call.guest.series.values()), SERIES)


def _series_size(call: Call) -> Response:
    row = call.guest.series.get(call.required("SeriesInstanceUID"))
    return call.rows([{"TotalSizeInBytes": row["FileSize"], "ObjectCount": row["ImageCount"]}] if row else [])


def _sop_uids(call: Call) -> Response:
    uid = call.required("SeriesInstanceUID")
    images = call.guest.archive.instances(uid) if uid in call.guest.series else []
    return call.rows([{"SOPInstanceUID": image["SOPInstanceUID"]} for image in images])


def _image(call: Call) -> Response:
    return _zip_response(call, with_md5=call.params.get("IncludeMD5", "").lower() == "yes")


def _zip_response(call: Call, *, with_md5: bool) -> Response:
    series = call.visible_series()
    new_names = call.params.get("NewFileNames", "").lower() == "yes"
    packed = call.guest.archive.packed_path(series["SeriesInstanceUID"])
    body: Iterable[bytes] = series_zip(call.guest.archive, series, new_names=new_names, with_md5=with_md5)
    if with_md5 and not new_names and packed.is_file():
        body = FilePart(packed, 0, packed.stat().st_size)  # still without a length in the reply
    return _attachment(f"{series['SeriesInstanceUID']}.zip", body)


def _single_image(call: Call) -> Response:
    uid = call.visible_series()["SeriesInstanceUID"]
    sop_uid = call.required("SOPInstanceUID")
    archive = call.guest.archive
    paths = [archive.image_path(uid, row["file"]) for row in archive.instances(uid) if row["SOPInstanceUID"] == sop_uid]
    if not paths or not paths[0].is_file():
        return text_response(SERVER_FAILED, 500)
    return _attachment(f"{sop_uid}.dcm", iter([paths[0].read_bytes()]))


def _attachment(name: str, body: Iterable[bytes]) -> Response:
    """Reply with a stream that has no length, range or tag: it cannot be resumed."""
    return attachment(body, f'"{name}"', "application/octet-stream")


def _image_md5(call: Call) -> Response:
    md5 = call.guest.md5_by_sop_uid.get(call.required("SOPInstanceUID"))
    return text_response(md5) if md5 else Response()


def _metadata(call: Call) -> Response:
    style = call.params.get("format") or "CSV-DOWNLOAD"
    asked = [uid.strip() for uid in call.required("list").split(",")]
    found = [call.guest.series[uid] for uid in asked if uid in call.guest.series]
    return rows_response(metadata_of(found, call.version), style, call.version)


def _metadata_v1(call: Call) -> Response:
    row = call.guest.series.get(call.required("SeriesInstanceUID"))
    return call.rows(metadata_of([row], call.version)) if row else Response(status=204)


def _recent(call: Call, parameter: str) -> list[Row]:
    """Series that were released on the day of this parameter or later, as far as they match the others."""
    text = call.required(parameter)
    try:
        return call.matching([row for row in call.guest.series.values() if released_since(row, text)])
    except ValueError as error:
        raise RefusalError(text_response(f"{parameter}: '{text}' is not a date", 400)) from error


def _new_patients(call: Call) -> Response:
    ids = {row["PatientID"] for row in _recent(call, "Date")}
    return call.table([row for row in call.guest.patients if row["PatientId"] in ids], PATIENT)


def _new_studies(call: Call) -> Response:
    uids = {row["StudyInstanceUID"] for row in _recent(call, "Date")}
    return call.table([row for row in call.guest.studies if row["StudyInstanceUID"] in uids], STUDY)


def _updated_series(call: Call) -> Response:
    return call.table(_recent(call, "fromDate"), SERIES)


_ENDPOINTS = {
    "getCollectionValues": Endpoint("format", _collections),
    "getPatient": Endpoint("Collection PatientId format", _patients),
    "getPatientStudy": Endpoint("Collection PatientID StudyInstanceUID format", _studies),
    "getSeries": Endpoint(
        "Collection PatientID StudyInstanceUID SeriesInstanceUID Modality BodyPartExamined Manufacturer "
        "ManufacturerModelName format",
        _series,
    ),
    "getSeriesSize": Endpoint("SeriesInstanceUID format", _series_size),
    "getSOPInstanceUIDs": Endpoint("SeriesInstanceUID format", _sop_uids),
    "getImage": Endpoint("SeriesInstanceUID NewFileNames IncludeMD5", _image),
    "getImageWithMD5Hash": Endpoint("SeriesInstanceUID", partial(_zip_response, with_md5=True)),
    "getSingleImage": Endpoint("SeriesInstanceUID SOPInstanceUID", _single_image),
    "getMD5HashForImage": Endpoint("SOPInstanceUID", _image_md5),
    "getSeriesMetadata": Endpoint("list format", _metadata, method="POST"),
    "getSeriesMetaData": Endpoint("SeriesInstanceUID format", _metadata_v1, in_v4=False),
    "NewPatientsInCollection": Endpoint("Collection Date format", _new_patients),
    "NewStudiesInPatientCollection": Endpoint("Collection PatientID Date format", _new_studies),
    "getUpdatedSeries": Endpoint("fromDate format", _updated_series),
}
