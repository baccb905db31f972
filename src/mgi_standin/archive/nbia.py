"""The NBIA API over an archive folder, seen by a guest: endpoints, their allowed parameters, their refusals.

It answers what our clients and tcia_utils ask for, in the default format; other endpoints are a 404.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from mgi_standin.archive.folder import Archive, Row
from mgi_standin.archive.nbia_rows import METADATA, PATIENT, SERIES, STUDY, Guest, columns_of, csv_response, json_rows
from mgi_standin.archive.nbia_zip import series_zip
from mgi_standin.archive.response import FilePart, Handler, RefusalError, Request, Response, attachment, text_response

PREFIX = "/nbia-api"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of an endpoint: the allowed parameters of the query and the form, first of repeated ones."""

    guest: Guest
    version: str
    params: dict[str, str]

    def table(self, rows: Iterable[Row], columns: Iterable[str]) -> Response:
        """Reply with these columns of the rows that equal every parameter; an empty one is as good as none."""
        wanted = {key: value for key, value in self.params.items() if value}
        found = [row for row in rows if all(str(row.get(key)) == value for key, value in wanted.items())]
        return json_rows(columns_of(found, columns, self.version))

    def required(self, name: str) -> str:
        """Return a parameter; raises RefusalError (400) where it is missing."""
        if not self.params.get(name):
            text = f"A parameter, {name}, is required for this API call."
            raise RefusalError(text_response(text, 400, "application/json"))
        return self.params[name]


class Endpoint(NamedTuple):
    """What answers, and the parameters that v4 allows (space-separated); any other is refused there."""

    allowed: str
    reply: Callable[[Call], Response]
    method: str = "GET"


def nbia_service(archive: Archive) -> Handler:
    """Build the API: /nbia-api/services/{v4,v2,v1}/…"""
    return partial(_answer, Guest(archive))


def _answer(guest: Guest, request: Request) -> Response:
    match = re.fullmatch(rf"{PREFIX}/services/(v1|v2|v4)/(\w+)", request.path)
    if match is None or match.group(2) not in _ENDPOINTS:
        return text_response("HTTP Status 404 - Not Found", 404)
    version, endpoint = match.group(1), _ENDPOINTS[match.group(2)]
    if version == "v2" and not request.headers.get("authorization", "").startswith("Bearer "):
        return text_response("HTTP Status 401 - Unauthorized", 401)
    if request.method != endpoint.method:
        return text_response("HTTP Status 405 - Method Not Allowed", 405)
    pairs = [*request.query, *(request.form() if request.method == "POST" else [])]
    allowed = endpoint.allowed.split()
    unknown = next((name for name, _ in pairs if name not in allowed), None)
    if version == "v4" and unknown is not None:
        text = f"Invalid query parameter: '{unknown}'. Allowed parameters are: [{', '.join(allowed)}]"
        return text_response(text, 400)
    params = {name: value for name, value in reversed(pairs) if name in allowed}
    try:
        return endpoint.reply(Call(guest=guest, version=version, params=params))
    except RefusalError as refusal:
        return refusal.response


def _series_size(call: Call) -> Response:
    row = call.guest.series.get(call.required("SeriesInstanceUID"))
    return json_rows([{"TotalSizeInBytes": row["FileSize"], "ObjectCount": row["ImageCount"]}] if row else [])


def _sop_uids(call: Call) -> Response:
    uid = call.required("SeriesInstanceUID")
    images = call.guest.archive.instances(uid) if uid in call.guest.series else []
    return json_rows([{"SOPInstanceUID": image["SOPInstanceUID"]} for image in images])


def _image(call: Call, *, always_md5: bool = False) -> Response:
    """Reply with a stream that has no length, range or tag, so it cannot be resumed.

    An unknown and a restricted series are refused in the same words.
    """
    uid = call.required("SeriesInstanceUID")
    if uid not in call.guest.series:
        return _denied(uid, call.version)
    new_names = call.params.get("NewFileNames", "").lower() == "yes"
    with_md5 = always_md5 or call.params.get("IncludeMD5", "").lower() == "yes"
    archive = call.guest.archive
    packed = archive.packed_path(uid)
    body: Iterable[bytes] = series_zip(archive, call.guest.series[uid], new_names=new_names, with_md5=with_md5)
    if with_md5 and not new_names and packed.is_file():
        body = FilePart(packed, 0, packed.stat().st_size)  # still without a length in the reply
    return attachment(body, f'"{uid}.zip"', "application/octet-stream")


def _denied(uid: str, version: str) -> Response:
    text = f"Image with given SeriesInstanceUID,{uid}, is not in public domain."
    if version != "v1":
        text = (
            f"The user has not been granted the access to image with given SeriesInstanceUID,{uid}. "
            "Please contact the system administrator."
        )
    return text_response(text, 400, "application/json")  # plain text under that label, as the server does


def _metadata(call: Call) -> Response:
    asked = [uid.strip() for uid in call.required("list").split(",")]
    return csv_response([call.guest.series[uid] for uid in asked if uid in call.guest.series], METADATA)


_ENDPOINTS = {
    "getPatient": Endpoint("Collection PatientId", lambda call: call.table(call.guest.patients, PATIENT)),
    "getPatientStudy": Endpoint(
        "Collection PatientID StudyInstanceUID", lambda call: call.table(call.guest.studies, STUDY)
    ),
    "getSeries": Endpoint(
        "Collection PatientID StudyInstanceUID SeriesInstanceUID Modality BodyPartExamined Manufacturer "
        "ManufacturerModelName",
        lambda call: call.table(call.guest.series.values(), SERIES),
    ),
    "getSeriesSize": Endpoint("SeriesInstanceUID", _series_size),
    "getSOPInstanceUIDs": Endpoint("SeriesInstanceUID", _sop_uids),
    "getImage": Endpoint("SeriesInstanceUID NewFileNames IncludeMD5", _image),
    "getImageWithMD5Hash": Endpoint("SeriesInstanceUID", partial(_image, always_md5=True)),
    "getSeriesMetadata": Endpoint("list", _metadata, method="POST"),
}
