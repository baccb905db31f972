"""Single files of the GDC by id: what became of one.

A later data release may give the same profile under a new id. Source: GDC API users guide, "Search and Retrieval",
/files/versions, which looks up ids and does not search.
"""

import re
from typing import Any, NamedTuple

from mgi.core.counts import stated_count
from mgi.core.errors import IntegrityError, NetworkError
from mgi.core.text import printable
from mgi.http.service import MissingEndpointError, Request, Service
from mgi.locks.item import Item

_ADVICE = "make a new lock and read what `mgi lock-diff` says of the two"
FILE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")


class LatestVersion(NamedTuple):
    """The newest file of a profile, in bytes; `md5` is None where the service leaves it out."""

    file_id: str
    md5: str | None
    size: int
    release: str


def latest_version(service: Service, file_id: str) -> LatestVersion | None:
    """The latest version of a file; None where the service does not know the id."""
    label = f"versions of {file_id}"
    request = Request(path="files/versions", label=label, method="POST", body={"ids": [file_id]})
    try:
        rows = service.json(request)
    except MissingEndpointError:
        return None
    try:
        return {str(row["id"]): _latest(row) for row in rows or []}.get(file_id)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NetworkError(f"{service.name}: {label}: expected rows with id, latest_id and latest_size") from None


def _latest(row: dict[str, Any]) -> LatestVersion:
    md5 = row.get("latest_md5") or (row.get("md5") if row["latest_id"] == row["id"] else None)
    releases = row.get("latest_release") or row.get("release") or "not stated"
    release = printable(releases[0] if isinstance(releases, list) else releases)
    latest, size = str(row["latest_id"]), stated_count(row["latest_size"])
    if FILE_ID.fullmatch(latest) is None:  # it becomes part of an address
        raise ValueError(latest)
    return LatestVersion(latest, None if md5 is None else printable(md5), size, release)


def is_gone(refusal: NetworkError) -> bool:
    """Whether a service refused a file for good (403 or 404), as it does once it serves only the newer version."""
    status = re.search(r": HTTP (\d{3})\b", str(refusal))  # the first is ours, what follows is the service's text
    return status is not None and status[1] in ("403", "404")


def same_bytes_elsewhere(service: Service, item: Item, refusal: NetworkError) -> str:
    """The id under which a file that is no longer served as `item.key` can be had, its bytes being the locked ones.

    Where the service does not state the newer digest, the download's own check decides. Raises IntegrityError naming
    patient, both ids and the release where the newer bytes differ, and NetworkError where there is no newer version.
    """
    latest = latest_version(service, item.key)
    if latest is None:
        raise NetworkError(f"{item.patient_id}: {refusal}; the GDC knows no file of this id: {_ADVICE}")
    if latest.file_id == item.key:
        raise NetworkError(
            f"{item.patient_id}: {refusal}; it is the latest version (release {latest.release}), so its access changed "
            f"or the release is still being rolled out: run again later, or {_ADVICE}"
        )
    if latest.size != item.size or latest.md5 not in (None, item.md5):
        raise IntegrityError(
            f"{item.patient_id}: file {item.key} was superseded by {latest.file_id} in release {latest.release} with "
            f"other bytes (md5 {latest.md5}, {latest.size} bytes; locked: md5 {item.md5}, {item.size} bytes): {_ADVICE}"
        )
    return latest.file_id
