"""Faults of the way: how a reply leaves, and what a server or proxy says instead of it.

Every public function here and in `fault_contents` is a fault. It gets the handler behind it, the request, and the value
of its rule; it returns the reply to send.
"""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from mgi_standin.archive.response import (
    Delivery,
    Handler,
    Request,
    Response,
    json_response,
    target_of,
    text_response,
    whole,
    with_body,
)

PAGE = "<!DOCTYPE html><html><head><title>Bad gateway</title></head><body>nginx</body></html>"
_FOR_EVER_S = 86_400.0
_BOMB_PIECE = bytes(1 << 20)


def _stop(answer: Handler, request: Request, fraction: float, **delivery: Any) -> Response:
    """Send a share of the body, never all of it."""
    response = answer(request)
    body = whole(response)
    sent = min(int(len(body) * fraction), max(len(body) - 1, 0))
    return replace(with_body(response, body), delivery=Delivery(body_bytes=sent, **delivery))


def drop(answer: Handler, request: Request, fraction: float) -> Response:
    """Announce the whole body, send this fraction of it and hang up."""
    return _stop(answer, request, fraction)


def close_cut(answer: Handler, request: Request, fraction: float) -> Response:
    """Announce no length, send this fraction of the body and hang up as if that were all."""
    return _stop(answer, request, fraction, framing="closing")


def chunked_cut(answer: Handler, request: Request, fraction: float) -> Response:
    """Send this fraction of the body in chunks and hang up without the last chunk."""
    return _stop(answer, request, fraction, framing="chunked")


def reset(answer: Handler, request: Request, fraction: float) -> Response:
    """Send this fraction of the body and reset the connection."""
    return _stop(answer, request, fraction, resets=True)


def reset_early(answer: Handler, request: Request, value: None) -> Response:
    """Reset the connection before the header."""
    return Response(delivery=Delivery(sends_header=False, resets=True))


def stall(answer: Handler, request: Request, fraction: float) -> Response:
    """Send this fraction of the body and then nothing, without hanging up."""
    return _stop(answer, request, fraction, stall_s=_FOR_EVER_S)


def drip(answer: Handler, request: Request, bytes_per_s: float) -> Response:
    """Send the body byte by byte, so many a second."""
    return replace(answer(request), delivery=Delivery(bytes_per_s=bytes_per_s))


def slow_header(answer: Handler, request: Request, seconds: float) -> Response:
    """Wait so many seconds before the header."""
    return replace(answer(request), delivery=Delivery(header_pause_s=seconds))


def length_long(answer: Handler, request: Request, extra: int) -> Response:
    """Announce so many bytes more than there are, send what there is and hang up."""
    response = answer(request)
    body = whole(response)
    return replace(_announced(response, body, len(body) + extra), delivery=Delivery(body_bytes=len(body)))


def length_short(answer: Handler, request: Request, missing: int) -> Response:
    """Announce so many bytes fewer than are sent; the rest follows on the same connection."""
    response = answer(request)
    body = whole(response)
    return replace(_announced(response, body, len(body) - missing), delivery=Delivery())


def _announced(response: Response, body: bytes, length: int) -> Response:
    return replace(_with_header(response, "Content-Length", str(length)), body=body)


def status(answer: Handler, request: Request, code: int) -> Response:
    """Answer with this status and a web page, as a proxy does."""
    return text_response(PAGE, code, "text/html")


def retry_after(answer: Handler, request: Request, seconds: float) -> Response:
    """Answer 429 with Retry-After in seconds."""
    return _too_many(str(int(seconds)))


def retry_date(answer: Handler, request: Request, seconds: float) -> Response:
    """Answer 429 with Retry-After as the HTTP date that lies so many seconds ahead."""
    return _too_many(format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True))


def _too_many(when: str) -> Response:
    return replace(text_response("slow down", 429), headers={"Retry-After": when})


def page(answer: Handler, request: Request, value: None) -> Response:
    """Answer 200 with a web page."""
    return text_response(PAGE, 200, "text/html")


def page_as_data(answer: Handler, request: Request, value: None) -> Response:
    """Answer 200 with a web page labelled as data."""
    return text_response(PAGE, 200, "application/octet-stream")


def empty(answer: Handler, request: Request, value: None) -> Response:
    """Answer 200 with nothing."""
    return Response()


def json_error(answer: Handler, request: Request, value: None) -> Response:
    """Answer 200 with an error in JSON."""
    return json_response({"error": "Internal error", "message": "try again later"})


def redirect(answer: Handler, request: Request, target: str | None) -> Response:
    """Answer 302 with this address; without one, with the address that was asked for."""
    return Response(status=302, headers={"Location": target or target_of(request)})


def no_range(answer: Handler, request: Request, value: None) -> Response:
    """Ignore the Range header: 200 and the whole body."""
    kept = {name: text for name, text in request.headers.items() if name != "range"}
    return answer(replace(request, headers=kept))


def wrong_range(answer: Handler, request: Request, shift: int) -> Response:
    """Answer 206 with a Content-Range that starts so many bytes after the one asked for."""
    response = answer(request)
    body = whole(response)
    asked = request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0]
    first = int(asked or 0) + shift
    return replace(
        with_body(response, body, **{"Content-Range": f"bytes {first}-{first + len(body) - 1}/{first + len(body)}"}),
        status=206,
    )


def range_416(answer: Handler, request: Request, value: None) -> Response:
    """Answer 416, as if the range lay outside the file."""
    return replace(text_response("range not satisfiable", 416), headers={"Content-Range": "bytes */0"})


def etag(answer: Handler, request: Request, tag: str) -> Response:
    """Send this ETag with the reply."""
    return _with_header(answer(request), "ETag", f'"{tag}"')


def disposition(answer: Handler, request: Request, name: str) -> Response:
    """Send the body under this file name."""
    return _with_header(answer(request), "Content-Disposition", f'attachment; filename="{name}"')


def _with_header(response: Response, name: str, text: str) -> Response:
    return replace(response, headers={**response.headers, name: text})


def gzip(answer: Handler, request: Request, value: None) -> Response:
    """Send the body with Content-Encoding gzip, asked for or not."""
    response = answer(request)
    return with_body(response, b"".join(_packed(iter([whole(response)]))), **{"Content-Encoding": "gzip"})


def gzip_bomb(answer: Handler, request: Request, mebibytes: int) -> Response:
    """Send zeros that unpack to so many MiB from a thousandth of that, with Content-Encoding gzip."""
    headers = {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"}
    return Response(headers=headers, body=_packed(_BOMB_PIECE for _ in range(mebibytes)))


def _packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()
