"""One file from a service to its place: resumed where that is safe, digested as it arrives, and complete or absent."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import urllib3

from mgi.core.errors import IntegrityError
from mgi.core.files import full_disk_named, start_writing_back
from mgi.core.text import printable
from mgi.http.body import chunks_of, refuse_page
from mgi.http.deadline import Deadline
from mgi.http.retry import TransientError
from mgi.http.service import Request, Service

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Download:
    """What to bring and where to.

    `size` (bytes) and `md5` are None where the service does not announce them; without a size nothing is resumed.
    `about` is what it may take where that alone is known: the deadline grows with it.
    """

    request: Request
    target: Path
    size: int | None
    max_bytes: int
    about: int = 0
    md5: str | None = None
    magic: bytes = b""


def partial_of(target: Path) -> Path:
    """Where the bytes of a file lie until it is whole; an interrupted download is continued there."""
    return target.with_name(target.name + ".part")


def download(service: Service, wanted: Download, check: Callable[[Path], T]) -> T:
    """Bring one file into place and return what `check` says about it.

    `check` gets the partial file once size and MD5 are right; it raises TransientError where another attempt may bring
    better bytes. The final name appears only after it returned. Raises NetworkError or IntegrityError naming the item.
    """
    part = partial_of(wanted.target)
    part.parent.mkdir(parents=True, exist_ok=True)

    expected_bytes = min(wanted.size or wanted.about, wanted.max_bytes)
    deadline = service.deadline(wanted.request, expected_bytes=expected_bytes)

    def attempt() -> T:
        try:
            _receive(service, wanted, part, deadline)
        except IntegrityError:  # a resumed request could not mend it
            part.unlink(missing_ok=True)
            raise
        try:
            checked = check(part)
        except (TransientError, IntegrityError):
            part.unlink()
            raise
        part.chmod(0o644)
        part.replace(wanted.target)  # not synced: who names it in an index does that, for many at once (fetch_batch)
        return checked

    return service.retrying(attempt, seed=wanted.request.label)


def _receive(service: Service, wanted: Download, part: Path, deadline: Deadline) -> None:
    """Fill `part`; what an earlier attempt or run left is continued only if the service confirms the offset.

    Raises TransientError where size or MD5 are not the announced ones; a part that is too short stays to be resumed.
    """
    digest = hashlib.md5(usedforsecurity=False) if wanted.md5 is not None else None
    have = part.stat().st_size if part.exists() else 0
    if not have or have != wanted.size:
        have = _append(service, wanted, part, digest, deadline)
    elif digest is not None:
        _add_file(digest, part)
    _compare(wanted, part, have, digest.hexdigest() if digest is not None else None, deadline.label)


def _append(service: Service, wanted: Download, part: Path, digest: "hashlib._Hash | None", deadline: Deadline) -> int:
    """Bring what `part` lacks, or all of it; return its size. `digest` then holds the whole of it."""
    have = part.stat().st_size if part.exists() else 0
    label = deadline.label
    resumes = wanted.size is not None and 0 < have < wanted.size
    headers = {"Range": f"bytes={have}-{(wanted.size or 0) - 1}"} if resumes else {}
    with service.open(wanted.request, headers, deadline) as response:
        appends = _confirm_offset(response, part, have if resumes else None, label)
        arriving = chunks_of(response, deadline, max_bytes=wanted.max_bytes)
        if not appends:
            have = 0
            arriving = refuse_page(arriving, label=label, magic=wanted.magic)
        elif digest is not None:
            _add_file(digest, part)
        first = next(arriving, b"")  # a refused body must not leave an empty part
        with full_disk_named(wanted.target), part.open("ab" if appends else "wb") as sink:
            for chunk in chain([first], arriving):
                have += sink.write(chunk)
                if digest is not None:
                    digest.update(chunk)
            sink.flush()
            start_writing_back(sink.fileno())
    return have


def _compare(wanted: Download, part: Path, size: int, md5: str | None, label: str) -> None:
    for what, found, expected in (("size", size, wanted.size), ("md5", md5, wanted.md5)):
        if expected is not None and found != expected:
            if what == "md5" or size > (wanted.size or 0):
                part.unlink()  # one that is too short is resumed
            raise TransientError(IntegrityError(f"{label}: {what} {found}, expected {expected}"))


def _add_file(digest: "hashlib._Hash", path: Path) -> None:
    with path.open("rb") as source:
        hashlib.file_digest(source, lambda: digest)


def _confirm_offset(response: urllib3.BaseHTTPResponse, part: Path, asked: int | None, label: str) -> bool:
    """Whether the body continues `part`; False means it is the whole file.

    Raises TransientError, with `part` removed, where the reply is a piece that does not fit.
    """
    if response.status == 200:
        return False
    found = response.headers.get("Content-Range", "")
    if response.status == 206 and asked is not None and found.startswith(f"bytes {asked}-"):
        return True
    part.unlink(missing_ok=True)
    raise TransientError(
        IntegrityError(
            f"{label}: HTTP {response.status} with Content-Range '{printable(found)}', asked from byte {asked}"
        )
    )
