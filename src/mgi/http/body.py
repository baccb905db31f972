"""Read a reply's body without trusting its length, its pace or its good faith."""

import http.client
from collections.abc import Iterator

import urllib3
import urllib3.exceptions

from mgi.core.errors import IntegrityError, NetworkError
from mgi.http.deadline import Deadline, Limits
from mgi.http.retry import TransientError

__all__ = ["Limits", "chunks_of", "first_words", "refuse_page"]

CHUNK_BYTES = 1 << 18
SNIFF_BYTES = 64
REFUSAL_BYTES = 1 << 14
# ValueError and AttributeError: what http.client and urllib3 make of nonsense between chunks.
BROKEN_BODY = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError, AttributeError)
# Identity is asked for; what comes packed all the same unpacks 5 to 30 times if it is a listing, a bomb 1,000 times.
MAX_RATIO = 200
RATIO_COUNTS_FROM = 8 << 20
_PAGE_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")


def chunks_of(response: urllib3.BaseHTTPResponse, deadline: Deadline, *, max_bytes: int) -> Iterator[bytes]:
    """Yield the body as it arrives.

    Raises TransientError where it breaks off or drips below the minimum rate, NetworkError where it passes the
    deadline, and IntegrityError beyond `max_bytes` or where it unpacks like a bomb. Each piece is what has arrived:
    `iter_content` would wait for a full chunk, so that a dripping server would never be noticed.
    """
    total, label = 0, deadline.label
    deadline.await_body(min(response.length_remaining or 0, max_bytes))
    while chunk := _read_some(response, label):
        total += len(chunk)
        deadline.delivered(len(chunk))
        if total > max_bytes:
            raise IntegrityError(f"{label}: the body passes {max_bytes} bytes, more than was announced or allowed")
        if total > RATIO_COUNTS_FROM and total > MAX_RATIO * response.tell():
            raise IntegrityError(f"{label}: the body unpacks more than {MAX_RATIO} times; a gzip bomb")
        deadline.seconds_for_a_read()
        yield chunk


def _read_some(response: urllib3.BaseHTTPResponse, label: str) -> bytes:
    """What has arrived, at most CHUNK_BYTES; nothing at the end."""
    try:
        return response.read1(CHUNK_BYTES, decode_content=True)
    except BROKEN_BODY as error:
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


def first_words(response: urllib3.BaseHTTPResponse, deadline: Deadline) -> str:
    """What a refusal says: what came in a few seconds, nothing of a web page; not yet safe to show."""
    deadline.await_refusal()
    said = b""
    try:
        while len(said) < REFUSAL_BYTES and (chunk := response.read1(REFUSAL_BYTES, decode_content=True)):
            said += chunk
    except (*BROKEN_BODY, TransientError, NetworkError):
        pass  # the status counts, and is known
    text = said.decode("utf-8", "replace").strip()
    if len(said) >= REFUSAL_BYTES:
        text = text.rpartition(" ")[0]  # a token that is cut could not be recognised and hidden
    return "" if text.startswith("<") else text
