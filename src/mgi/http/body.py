"""Read a reply's body without trusting its length, its pace or its good faith."""

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass

import urllib3
import urllib3.exceptions

from mgi.core.errors import IntegrityError, NetworkError
from mgi.http.retry import TransientError

CHUNK_BYTES = 1 << 18
SNIFF_BYTES = 64
# Identity is asked for; what comes packed all the same unpacks 5 to 30 times if it is a listing, a bomb 1,000 times.
MAX_RATIO = 200
RATIO_COUNTS_FROM = 8 << 20
_PAGE_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where patience ends: seconds, bytes a second and bytes."""

    connect_s: float = 10.0
    read_s: float = 30.0
    min_bytes_per_s: float = 10_000.0
    rate_window_s: float = 60.0
    deadline_s: float = 3_600.0
    json_bytes: int = 512 << 20


def chunks_of(response: urllib3.BaseHTTPResponse, limits: Limits, *, label: str, max_bytes: int) -> Iterator[bytes]:
    """Yield the body as it arrives.

    Raises TransientError where it breaks off, drips below the minimum rate or passes the deadline, and IntegrityError
    beyond `max_bytes` or where it unpacks like a bomb. Each piece is what has arrived: `iter_content` would wait for
    a full chunk, so that a dripping server would never be noticed.
    """
    started = window_start = time.monotonic()
    total = in_window = 0
    while chunk := _read_some(response, label):
        total += len(chunk)
        in_window += len(chunk)
        if total > max_bytes:
            raise IntegrityError(f"{label}: the body passes {max_bytes} bytes, more than was announced or allowed")
        if total > RATIO_COUNTS_FROM and total > MAX_RATIO * response.tell():
            raise IntegrityError(f"{label}: the body unpacks more than {MAX_RATIO} times; a gzip bomb")
        now = time.monotonic()
        if now - started > limits.deadline_s:
            raise TransientError(NetworkError(f"{label}: not complete after {limits.deadline_s:.0f} s ({total} bytes)"))
        if now - window_start > limits.rate_window_s:
            if in_window < limits.min_bytes_per_s * (now - window_start):
                raise TransientError(NetworkError(f"{label}: slower than {limits.min_bytes_per_s:.0f} bytes/s"))
            window_start, in_window = now, 0
        yield chunk


def _read_some(response: urllib3.BaseHTTPResponse, label: str) -> bytes:
    """What has arrived, at most CHUNK_BYTES; nothing at the end."""
    try:
        return response.read1(CHUNK_BYTES, decode_content=True)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        raise TransientError(NetworkError(f"{label}: the body broke off ({type(error).__name__})")) from None


def refuse_page(chunks: Iterator[bytes], *, label: str, magic: bytes = b"") -> Iterator[bytes]:
    """Pass the chunks on if they begin like data.

    Raises TransientError for a web page (proxies answer so, with status 200) and for a body that does not begin
    with `magic`, before any byte is passed on.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= SNIFF_BYTES:
            break
    if head.lstrip()[:SNIFF_BYTES].lower().startswith(_PAGE_STARTS):
        raise TransientError(NetworkError(f"{label}: got a web page instead of data"))
    if not head.startswith(magic):
        raise TransientError(IntegrityError(f"{label}: begins with {head[:40]!r}, expected {magic!r}"))
    if head:
        yield head
    yield from chunks
