"""Every file id that the GDC ever gave out, superseded ones included: versions and downloads.

A download is one bare file (with ranges), or several in a tar that has neither a length nor a digest.
"""

import gzip
import io
import itertools
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, cast

from mgi_standin.archive.folder import Archive, Row
from mgi_standin.archive.response import ChunkSink, FilePart, Response, attachment, json_response, refusal, tsv

# A real manifest of the portal holds "validated" here, whatever state a search tells.
_MANIFEST_STATE = "validated"


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One version of one file; `latest_id` is its own id unless it was superseded. `size` is in bytes."""

    file_id: str
    latest_id: str
    name: str
    md5: str
    size: int
    version: str
    state: str
    release: str
    controlled: bool


Catalog = dict[str, StoredFile]


def catalog_of(archive: Archive) -> Catalog:
    """Join the searchable files with the table of versions; a superseded file has the access of its latest."""
    access = {hit["file_id"]: hit.get("access") for hit in archive.files}
    searchable = [_stored(hit, access) for hit in archive.files]
    versions = [_stored({**row, "file_id": row["id"]}, access) for row in archive.versions]
    # The table of versions knows the exact release of a file; a search only a range of them.
    return {file.file_id: file for file in (*searchable, *versions)}


def _stored(row: Row, access: dict[str, Any]) -> StoredFile:
    latest_id = row.get("latest_id") or row["file_id"]
    release = str(row.get("release") or row.get("data_release") or "")
    return StoredFile(
        file_id=row["file_id"],
        latest_id=latest_id,
        name=row["file_name"],
        md5=row["md5sum"],
        size=int(row["file_size"]),
        version=str(row.get("version", "1")),
        state=row.get("state") or "released",
        release=release.split(" - ")[0],
        controlled=(row.get("access") or access.get(latest_id)) == "controlled",
    )


def versions_response(catalog: Catalog, ids: list[str]) -> Response:
    """Reply with a bare array that tells the latest version of each id; ids that nobody knows are left out."""
    known = [catalog[file_id] for file_id in ids if file_id in catalog]
    if ids and not known:
        raise refusal(f"{', '.join(ids)} not found", 404)
    return json_response([_version_row(file, catalog.get(file.latest_id, file)) for file in known])


def _version_row(file: StoredFile, latest: StoredFile) -> dict[str, Any]:
    return {
        "id": file.file_id,
        **_facts(file),
        "release": file.release,
        "latest_id": latest.file_id,
        **{f"latest_{name}": value for name, value in _facts(latest).items()},
        "latest_release": [latest.release],
    }


def _facts(file: StoredFile) -> dict[str, Any]:
    return {"filename": file.name, "version": file.version, "md5": file.md5, "size": file.size, "state": file.state}


def allowed_files(archive: Archive, catalog: Catalog, ids: list[str]) -> list[StoredFile]:
    """Look up ids in order: none is a 400, a controlled one refuses all (403), and so does an absent one (404)."""
    if not ids:
        raise refusal("no ids given")
    forbidden = [file_id for file_id in ids if file_id in catalog and catalog[file_id].controlled]
    if forbidden:
        raise refusal(f"You don't have access to the data: {', '.join(forbidden)}", 403)
    unknown = [file_id for file_id in ids if file_id not in catalog]
    if unknown:
        raise refusal(f"{', '.join(unknown)} not found", 404)
    absent = [file_id for file_id in ids if not archive.data_path(file_id).is_file()]
    if absent:
        raise refusal(f"data of {', '.join(absent)} not found", 404)
    return [catalog[file_id] for file_id in dict.fromkeys(ids)]


def bare_file(archive: Archive, file: StoredFile, range_header: str | None) -> Response:
    """Reply with the bytes of one file, or the range asked for; Content-MD5 is hexadecimal and of the whole file."""
    path = archive.data_path(file.file_id)
    size = path.stat().st_size
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"attachment; filename={file.name}",
        "Content-MD5": file.md5,
        "Accept-Ranges": "bytes",
    }
    # Anything that is not one range of bytes with a start is ignored, as HTTP allows.
    asked = re.fullmatch(r"\s*bytes=(\d+)-(\d*)\s*", range_header or "")
    first = int(asked.group(1)) if asked else 0
    last = int(asked.group(2)) if asked and asked.group(2) else size - 1
    if asked is None or last < first < size:
        return Response(headers=headers | {"Content-Length": str(size)}, body=FilePart(path, 0, size))
    if first >= size:
        refused = json_response({"message": f"range {range_header} is outside a file of {size} bytes"}, 416)
        return Response(status=416, headers={**refused.headers, "Content-Range": f"bytes */{size}"}, body=refused.body)
    last = min(last, size - 1)
    headers |= {"Content-Length": str(last - first + 1), "Content-Range": f"bytes {first}-{last}/{size}"}
    return Response(status=206, headers=headers, body=FilePart(path, first, last - first + 1))


def tar_of_files(archive: Archive, files: list[StoredFile], *, compressed: bool) -> Response:
    """Reply with a streamed tar, gzipped or plain: MANIFEST.txt, then `<id>/<name>` in the order of the files."""
    rows = ((file.file_id, f"{file.file_id}/{file.name}", file.md5, file.size, _MANIFEST_STATE) for file in files)
    manifest = tsv(("id", "filename", "md5", "size", "state"), rows)
    bodies = ((f"{file.file_id}/{file.name}", archive.data_path(file.file_id).read_bytes()) for file in files)
    return _tar(itertools.chain([("MANIFEST.txt", manifest)], bodies), compressed=compressed)


def tar_of_annotations(rows: list[Row], *, compressed: bool) -> Response:
    """Reply with a tar of one annotations.txt: gdc-client asks /data for a large file's annotations by their ids."""
    columns = sorted({key for row in rows for key, value in row.items() if not isinstance(value, dict | list)})
    table = tsv(columns, ([row.get(key) or "" for key in columns] for row in rows))
    return _tar(iter([("annotations.txt", table)]), compressed=compressed)


def _tar(members: Iterator[tuple[str, bytes]], *, compressed: bool) -> Response:
    name = f"gdc_download_{datetime.now(UTC):%Y%m%d_%H%M%S.%f}.tar"
    if compressed:
        return attachment(_gzipped(members), f"{name}.gz", "application/gzip")
    return attachment(_plain(members), name, "application/x-tar")


def _plain(members: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    sink = ChunkSink()
    with tarfile.open(fileobj=cast(IO[bytes], sink), mode="w|") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
            yield sink.drain()
    yield sink.drain()


def _gzipped(members: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    sink = ChunkSink()
    # Not tarfile's own "w|gz": it compresses at level 9, and there is nothing to win here.
    with gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=1, mtime=0) as stream:
        for piece in _plain(members):
            stream.write(piece)
            yield sink.drain()
    yield sink.drain()
