"""The GDC API over an archive folder: which path is answered by which function, and how parameters arrive.

It answers what our clients and gdc-client ask for; other paths are a 404.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mgi_standin.archive.folder import Archive
from mgi_standin.archive.gdc_files import (
    Catalog,
    allowed_files,
    bare_file,
    catalog_of,
    tar_of_annotations,
    tar_of_files,
    versions_response,
)
from mgi_standin.archive.gdc_search import Index, search
from mgi_standin.archive.response import Handler, RefusalError, Request, Response, json_response, refusal


@dataclass(frozen=True, kw_only=True)
class Gdc:
    """What the endpoints look into."""

    archive: Archive
    catalog: Catalog
    files: Index
    annotations: Index
    cases: Index


def gdc_service(archive: Archive) -> Handler:
    """Build the API; only the latest version of a file can be searched, all that are stored can be downloaded."""
    catalog = catalog_of(archive)
    hits = [
        {"id": hit["file_id"], **hit} for hit in archive.files if catalog[hit["file_id"]].latest_id == hit["file_id"]
    ]
    gdc = Gdc(
        archive=archive,
        catalog=catalog,
        files=Index("files", hits),
        cases=Index("cases", [{"id": row["case_id"], **row} for row in archive.cases]),
        annotations=Index("annotations", [{"id": row["annotation_id"], **row} for row in archive.annotations]),
    )
    return partial(_answer, gdc)


def _answer(gdc: Gdc, request: Request) -> Response:
    path = re.sub(r"^/v0(?=/)", "", request.path)
    matches = [(methods, reply, re.fullmatch(pattern, path)) for methods, pattern, reply in _ROUTES]
    found = [(methods, reply, match) for methods, reply, match in matches if match]
    for methods, reply, match in found:
        if request.method in methods:
            try:
                return reply(gdc, request, *match.groups())
            except RefusalError as refusal:
                return refusal.response
    if found:
        return json_response({"message": f"{request.method} is not allowed for {path}"}, 405)
    return json_response({"message": f"{path} not found"}, 404)


def _params(request: Request) -> dict[str, Any]:
    """Merge the query with a JSON body; the body wins, the first of repeated keys wins."""
    params: dict[str, Any] = dict(reversed(request.query))
    return params | _json_body(request) if request.body.strip() else params


def _json_body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise refusal(f"body: not JSON ({error})") from error
    if not isinstance(body, dict):
        raise refusal(f"body: found {type(body).__name__}, expected an object")
    return body


def _ids(request: Request, in_path: str | None) -> list[str]:
    """Ids of the path, a comma list, else of the body."""
    if in_path is not None:
        return [file_id for file_id in in_path.split(",") if file_id]
    return [str(file_id) for file_id in _json_body(request).get("ids", [])]


def _versions(gdc: Gdc, request: Request, in_path: str | None = None) -> Response:
    return versions_response(gdc.catalog, _ids(request, in_path))


def _data(gdc: Gdc, request: Request, in_path: str | None = None) -> Response:
    """Send one id as the bare file unless a tar is asked for (`compress` tar.gz, `tarfile` tar); several as tar.gz."""
    if "x-auth-token" in request.headers:  # none is valid here; an expired one spoils open files, too
        text = "Your token is invalid or expired. Please get a new token from the portal."
        return json_response({"error": text, "message": text}, 403)
    ids, params = _ids(request, in_path), _params(request)
    compress, plain = (_is_set(params, "compress"), _is_set(params, "tarfile"))
    notes = {row["annotation_id"]: row for row in gdc.archive.annotations}
    if ids and notes.keys() >= set(ids):
        return tar_of_annotations([notes[one] for one in ids], compressed=compress or not plain)
    files = allowed_files(gdc.archive, gdc.catalog, ids)
    if len(files) == 1 and not compress and not plain:  # gdc-client unpacks what it asked for as a tar, even one file
        return bare_file(gdc.archive, files[0], request.headers.get("range"))
    return tar_of_files(gdc.archive, files, compressed=compress or not plain)


def _is_set(params: dict[str, Any], flag: str) -> bool:
    """Read a flag that counts as set by being there (`?tarfile`), unless it says false."""
    return str(params.get(flag, False)).lower() != "false"


_BOTH = ("GET", "POST")
_ROUTES: tuple[tuple[tuple[str, ...], str, Callable[..., Response]], ...] = (
    (("GET",), r"/status", lambda gdc, request: json_response(gdc.archive.status)),
    (_BOTH, r"/files", lambda gdc, request: search(gdc.files, _params(request))),
    (("POST",), r"/files/versions", _versions),
    (("GET",), r"/files/versions/([^/]+)", _versions),
    (_BOTH, r"/annotations", lambda gdc, request: search(gdc.annotations, _params(request))),
    (_BOTH, r"/cases", lambda gdc, request: search(gdc.cases, _params(request))),
    (("POST",), r"/data", _data),
    (("GET",), r"/data/([^/]+)", _data),
)
