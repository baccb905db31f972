"""Downloads of the GDC: one bare file (with ranges), or several in a tar that has neither a length nor a digest."""

import gzip
import io
import re
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import IO, cast

from mgi_standin.archive.folder import Archive, Row
from mgi_standin.archive.gdc_catalog import Catalog, StoredFile, asked_files, manifest_of
from mgi_standin.archive.gdc_fields import values_at
from mgi_standin.archive.response import ChunkSink, FilePart, Response, attachment, json_response, refusal, tsv

_BARCODE_PATHS = (
    "cases.submitter_id",
    "cases.samples.submitter_id",
    "cases.samples.portions.submitter_id",
    "cases.samples.portions.analytes.submitter_id",
    "cases.samples.portions.analytes.aliquots.submitter_id",
)


def allowed_files(archive: Archive, catalog: Catalog, ids: list[str]) -> list[StoredFile]:
    """Look up ids to send; one controlled id refuses them all (403), one unknown id or absent body, too (404)."""
    forbidden = [file_id for file_id in ids if file_id in catalog and catalog[file_id].controlled]
    if forbidden:
        raise refusal(f"You don't have access to the data: {', '.join(forbidden)}", 403)
    files = asked_files(catalog, ids)
    absent = [file.file_id for file in files if not archive.data_path(file.file_id).is_file()]
    if absent:
        raise refusal(f"data of {', '.join(absent)} not found", 404)
    return files


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
    asked = _asked_range(range_header, size)
    if asked is None:
        return Response(headers=headers | {"Content-Length": str(size)}, body=FilePart(path, 0, size))
    first, last = asked
    if first > last:
        refused = json_response({"message": f"range {range_header} is outside a file of {size} bytes"}, 416)
        return Response(status=416, headers={**refused.headers, "Content-Range": f"bytes */{size}"}, body=refused.body)
    headers |= {"Content-Length": str(last - first + 1), "Content-Range": f"bytes {first}-{last}/{size}"}
    return Response(status=206, headers=headers, body=FilePart(path, first, last - first + 1))


def _asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first and last byte asked for; first > last cannot be satisfied; None is the whole file.

    Anything that is not one range of bytes is ignored, as HTTP allows.
    """
    match = re.fullmatch(r"\s*bytes=(\d*)-(\d*)\s*", header or "")
    if match is None or match.groups() == ("", ""):
        return None
    start, end = match.groups()
    if not start:
        wanted = min(int(end), size)
        return (size - wanted, size - 1)
    if end and int(end) < int(start):
        return None
    if int(start) >= size:
        return (1, 0)
    return (int(start), min(int(end), size - 1) if end else size - 1)


def tar_of_files(archive: Archive, files: list[StoredFile], *, compressed: bool) -> Response:
    """Reply with a streamed tar, gzipped or plain: MANIFEST.txt, `<id>/<name>`, annotations, superseded note."""
    stamp = _stamp()
    return _tar(_members(archive, files, stamp), stamp, compressed=compressed)


def tar_of_annotations(rows: list[Row], *, compressed: bool) -> Response:
    """Reply with a tar of one annotations.txt: gdc-client asks /data for a large file's annotations by their ids."""
    return _tar(iter([("annotations.txt", partial(_table, rows))]), _stamp(), compressed=compressed)


_Member = tuple[str, Callable[[], bytes]]


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%d_%H%M%S.%f")


def _tar(members: Iterator[_Member], stamp: str, *, compressed: bool) -> Response:
    if compressed:
        return attachment(_gzipped(members), f"gdc_download_{stamp}.tar.gz", "application/gzip")
    return attachment(_plain(members), f"gdc_download_{stamp}.tar", "application/x-tar")


def _members(archive: Archive, files: list[StoredFile], stamp: str) -> Iterator[_Member]:
    """Yield member names and what reads their bytes, in the order of the archive."""
    yield "MANIFEST.txt", partial(manifest_of, files)
    for file in files:
        yield f"{file.file_id}/{file.name}", archive.data_path(file.file_id).read_bytes
        annotations = _annotations_of(archive, file)
        if annotations:
            yield f"{file.file_id}/annotations.txt", partial(_table, annotations)
    old = [file for file in files if file.superseded]
    if old:
        text = tsv(("old_id", "latest_id"), ((file.file_id, file.latest_id) for file in old))
        yield f"superseded_files_{stamp}.txt", lambda: text


def _plain(members: Iterator[_Member]) -> Iterator[bytes]:
    sink = ChunkSink()
    with tarfile.open(fileobj=cast(IO[bytes], sink), mode="w|") as tar:
        for name, read in members:
            content = read()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
            yield sink.drain()
    yield sink.drain()


def _gzipped(members: Iterator[_Member]) -> Iterator[bytes]:
    sink = ChunkSink()
    # Not tarfile's own "w|gz": it compresses at level 9, and there is nothing to win here.
    with gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=1, mtime=0) as stream:
        for piece in _plain(members):
            stream.write(piece)
            yield sink.drain()
    yield sink.drain()


def _annotations_of(archive: Archive, file: StoredFile) -> list[Row]:
    """The annotations that hang on a file, its case, samples or aliquots."""
    hit = next((hit for hit in archive.files if hit["file_id"] == file.file_id), None)
    return [] if hit is None else [row for row in archive.annotations if _hangs_on(row, hit)]


def _table(rows: list[Row]) -> bytes:
    columns = sorted({key for row in rows for key, value in row.items() if not isinstance(value, dict | list)})
    return tsv(columns, ([row.get(key) or "" for key in columns] for row in rows))


def _hangs_on(annotation: Row, hit: Row) -> bool:
    named = annotation.get("annotation_id") in values_at(hit, "annotations.annotation_id")
    entity = annotation.get("entity_submitter_id")
    return named or any(entity in values_at(hit, path) for path in _BARCODE_PATHS)
