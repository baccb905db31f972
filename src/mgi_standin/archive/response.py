"""A request as the services see it and the reply that they give; no socket in here.

Services are plain functions from Request to Response, so that anything (a fault, a log) can be wrapped around them.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request; `path` is percent-decoded and without the query, header names are lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def form(self) -> list[tuple[str, str]]:
        """Pairs of a form-encoded body, in order, repeated keys kept."""
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How a reply leaves where it does not leave as HTTP wants it; the default is a faultless reply.

    After `body_bytes` of the body (None: all of it) the server stops, is silent for `stall_s` and hangs up, without
    the last chunk if there are chunks, by a reset instead of an orderly end if `resets`. Sizes in bytes, pauses in
    seconds; a client that leaves and the end of the service cut every pause short.
    """

    sends_header: bool = True
    header_pause_s: float = 0.0
    framing: Literal["own", "chunked", "closing"] = "own"
    """`closing` announces no length: the end of the body is that the server hangs up."""
    body_bytes: int | None = None
    bytes_per_s: float | None = None
    stall_s: float = 0.0
    resets: bool = False
    never_ends: Literal["", "continue", "marks", "trailer"] = ""
    """What comes again and again, so many bytes a second: `100 Continue` before the header, an extension of the first
    chunk's length, or a trailer after the last chunk."""
    drips_header: bool = False
    raw: bytes | None = None
    """Sent in place of status, header and body, before the server hangs up."""

    @property
    def drips_body(self) -> bool:
        """Whether the body is what leaves slowly."""
        return bool(self.bytes_per_s) and not self.never_ends and not self.drips_header


@dataclass(frozen=True, kw_only=True)
class Response:
    """One HTTP reply.

    A `bytes` body is sent with its length. Pieces are sent as they come: with the Content-Length header that they
    bring, or chunked and without any length if they bring none. A Content-Length header that is there is sent as it
    is, true or not.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    delivery: Delivery = Delivery()


@dataclass(frozen=True)
class FilePart:
    """Bytes of a stored file as a body: read piece by piece, or handed to the socket without passing through here."""

    path: Path
    start: int
    length: int

    def spans(self) -> Iterator[tuple[int, int]]:
        """Offset and length of each piece."""
        end = self.start + self.length
        for offset in range(self.start, end, _PIECE_BYTES):
            yield offset, min(_PIECE_BYTES, end - offset)

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            for _, length in self.spans():
                piece = stream.read(length)
                yield piece
                if len(piece) < length:
                    return


Handler = Callable[[Request], Response]
_PIECE_BYTES = 1 << 20


class RefusalError(Exception):
    """Ends the handling of a request early; carries the reply to send."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"status {response.status}")
        self.response = response


def pieces_of(response: Response) -> Iterator[bytes]:
    """Yield what of the body leaves, none of it empty, cut as the delivery tells: one byte at a time where it drips."""
    delivery = response.delivery
    left = delivery.body_bytes
    for piece in (response.body,) if isinstance(response.body, bytes) else response.body:
        sent = piece if left is None else piece[:left]
        left = None if left is None else left - len(sent)
        step = 1 if delivery.drips_body else max(len(sent), 1)
        for start in range(0, len(sent), step):
            yield sent[start : start + step]


class ChunkSink:
    """A file to write to that cannot seek, emptied by `drain`; lets zip and tar writers feed a chunked body."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        """Keep a piece until the next drain."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Do nothing: pieces leave by `drain`."""

    def drain(self) -> bytes:
        """Return what was written since the last drain."""
        held = b"".join(self._pieces)
        self._pieces.clear()
        return held


def refusal(message: str, status: int = 400) -> RefusalError:
    """Build an error reply of the GDC, a JSON object with a message."""
    return RefusalError(json_response({"message": message}, status))


def json_response(value: Any, status: int = 200) -> Response:
    """Reply with a value as JSON."""
    return Response(status=status, headers={"Content-Type": "application/json"}, body=json.dumps(value).encode())


def text_response(text: str, status: int = 200, content_type: str = "text/plain") -> Response:
    """Reply with text, labelled as told (NBIA labels some plain text as JSON)."""
    return Response(status=status, headers={"Content-Type": content_type}, body=text.encode())


def whole(response: Response) -> bytes:
    """Return all bytes of a body."""
    return response.body if isinstance(response.body, bytes) else b"".join(response.body)


def with_body(response: Response, body: bytes, **headers: str) -> Response:
    """Put another body into a reply: announced with its length if the first one was, in chunks if it was not."""
    known = isinstance(response.body, bytes) or "Content-Length" in response.headers
    kept = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    return replace(response, headers={**kept, **headers}, body=body if known else iter([body]))


def target_of(request: Request) -> str:
    """Return path and query as one text."""
    return request.path + ("?" + urlencode(request.query) if request.query else "")


def attachment(body: bytes | Iterable[bytes], name: str, content_type: str) -> Response:
    """Reply with a file to save under this name."""
    return Response(
        headers={"Content-Type": content_type, "Content-Disposition": f"attachment; filename={name}"}, body=body
    )


def tsv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    """A header line and a line a row."""
    return "".join("\t".join(map(str, row)) + "\n" for row in (columns, *rows)).encode()
