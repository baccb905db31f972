"""What became of a GDC file id: a later data release may give the same profile under a new id.

Source: GDC API users guide, "Search and Retrieval", /files/versions. It looks up ids; it does not search.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mgi.core.errors import IntegrityError, NetworkError
from mgi.http.service import Request, Service
from mgi.locks.item import Item

IDS_PER_REQUEST = 500
_ADVICE = "make a new lock and read what `mgi lock-diff` says of the two"
_GONE = re.compile(r": HTTP (403|404)\b")


@dataclass(frozen=True, kw_only=True)
class LatestVersion:
    """The newest file of the same profile; `size` is in bytes, `release` the one in which it appeared.

    `md5` is None where the service leaves it out.
    """

    file_id: str
    md5: str | None
    size: int
    release: str


def latest_versions(service: Service, ids: Iterable[str]) -> dict[str, LatestVersion]:
    """The latest version of each id; an id that the service does not know is left out.

    Raises NetworkError where the reply has another shape.
    """
    asked = sorted(set(ids))
    found: dict[str, LatestVersion] = {}
    for start in range(0, len(asked), IDS_PER_REQUEST):
        some = asked[start : start + IDS_PER_REQUEST]
        found |= {old: latest for old, latest in _ask(service, some) if old in some}
    return found


def _ask(service: Service, ids: list[str]) -> list[tuple[str, LatestVersion]]:
    label = f"versions of {ids[0]}" + (f" and {len(ids) - 1} more" if len(ids) > 1 else "")
    try:
        rows = service.json(Request(path="files/versions", label=label, method="POST", body={"ids": ids}))
    except NetworkError as error:
        if "HTTP 404" in str(error):  # none of them is known
            return []
        raise
    try:
        return [(str(row["id"]), _latest(row)) for row in rows or []]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NetworkError(f"{service.name}: {label}: expected rows with id, latest_id and latest_size") from None


def _latest(row: dict[str, Any]) -> LatestVersion:
    md5 = row.get("latest_md5") or (row.get("md5") if row["latest_id"] == row["id"] else None)
    releases = row.get("latest_release") or row.get("release") or "not stated"
    return LatestVersion(
        file_id=str(row["latest_id"]),
        md5=None if md5 is None else str(md5),
        size=int(row["latest_size"]),
        release=str(releases[0] if isinstance(releases, list) else releases),
    )


def is_gone(refusal: NetworkError) -> bool:
    """Whether a service refused a file for good (403 or 404), as it does once it serves only the newer version."""
    return _GONE.search(str(refusal)) is not None


def same_bytes_elsewhere(service: Service, item: Item, refusal: NetworkError) -> str:
    """The id under which a file that is no longer served as `item.key` can be had, its bytes being the locked ones.

    Where the service does not state the newer digest, the download's own check decides. Raises IntegrityError naming
    patient, both ids and the release where the newer bytes differ, and NetworkError where there is no newer version.
    """
    latest = latest_versions(service, [item.key]).get(item.key)
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
