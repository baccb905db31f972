"""One file from a service to its place: resumed where that is safe, checked, and complete or absent."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import requests

from mgi.core.errors import IntegrityError
from mgi.core.files import full_disk_named
from mgi.sources.body import chunks_of, refuse_page
from mgi.sources.retry import TransientError
from mgi.sources.service import Request, Service

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Download:
    """What to bring and where to; `size` in bytes, None where the service does not announce it (then no resume)."""

    request: Request
    target: Path
    size: int | None
    max_bytes: int
    magic: bytes = b""


def download(service: Service, wanted: Download, check: Callable[[Path], T]) -> T:
    """Bring one file into place and return what `check` says about it.

    `check` gets the partial file; it raises TransientError where another attempt may bring better bytes. The final
    name appears only after it returned. Raises NetworkError or IntegrityError naming the item.
    """
    part = wanted.target.with_name(wanted.target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)

    def attempt() -> T:
        _receive(service, wanted, part)
        try:
            checked = check(part)
        except (TransientError, IntegrityError):
            part.unlink()
            raise
        _publish(part, wanted.target)
        return checked

    return service.retrying(attempt, seed=wanted.request.label)


def _receive(service: Service, wanted: Download, part: Path) -> None:
    """Fill `part`; what an earlier attempt or run left is continued only if the service confirms the offset."""
    label = f"{service.name}: {wanted.request.label}"
    have = part.stat().st_size if part.exists() else 0
    if have and have == wanted.size:
        return
    resumes = wanted.size is not None and 0 < have < wanted.size
    headers = {"Range": f"bytes={have}-{(wanted.size or 0) - 1}"} if resumes else {}
    with service.open(wanted.request, headers) as response:
        appends = _confirm_offset(response, part, have if resumes else None, label)
        arriving = chunks_of(response, service.limits, label=label, max_bytes=wanted.max_bytes)
        if not appends:
            arriving = refuse_page(arriving, label=label, magic=wanted.magic)
        first = next(arriving, b"")  # a refused body must not leave an empty part
        with full_disk_named(wanted.target), part.open("ab" if appends else "wb") as sink:
            sink.write(first)
            for chunk in arriving:
                sink.write(chunk)
            sink.flush()
            os.fsync(sink.fileno())
    got = part.stat().st_size
    if wanted.size is not None and got != wanted.size:
        if got > wanted.size:
            part.unlink()
        raise TransientError(IntegrityError(f"{label}: got {got} bytes, expected {wanted.size}"))


def _confirm_offset(response: requests.Response, part: Path, asked: int | None, label: str) -> bool:
    """Whether the body continues `part`; False means it is the whole file.

    Raises TransientError, with `part` removed, where the reply is a piece that does not fit.
    """
    if response.status_code == 200:
        return False
    found = response.headers.get("Content-Range", "")
    if response.status_code == 206 and asked is not None and found.startswith(f"bytes {asked}-"):
        return True
    part.unlink(missing_ok=True)
    raise TransientError(
        IntegrityError(f"{label}: HTTP {response.status_code} with Content-Range {found!r}, asked from byte {asked}")
    )


def _publish(part: Path, target: Path) -> None:
    """Rename and sync the folder, so that the name survives a power cut as well as the bytes do."""
    part.chmod(0o644)
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
