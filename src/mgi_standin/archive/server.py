"""Serve an archive folder on the loopback: the GDC API at the root, the NBIA API under /nbia-api."""

import os
import select
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from mgi_standin.archive.folder import ArchiveNotReadyError, read_archive
from mgi_standin.archive.gdc import gdc_service
from mgi_standin.archive.nbia import PREFIX, nbia_service
from mgi_standin.archive.response import Delivery, FilePart, Handler, Request, Response, pieces_of, text_response

HOST = "127.0.0.1"
# The proxy before the real service gives up on longer ones; searches with many filters have to be posted.
LONGEST_TARGET_BYTES = 8192


class Exchange(NamedTuple):
    """One request as it was answered; `path` has its query, `sent` counts bytes of the body without chunk marks."""

    method: str
    path: str
    status: int
    sent: int


@dataclass(frozen=True)
class Service:
    """A running service; `requests` grows as it answers, in the order of the replies."""

    url: str
    requests: list[Exchange]


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[Service]:
    """Serve a folder until the block ends; port 0 takes a free one; raises OSError if the port is in use.

    The folder is read at the first request and kept; until it is complete every reply is a 503.
    """
    with listen(archive_service(folder), port) as service:
        yield service


def archive_service(folder: Path) -> Handler:
    """Build both services over a folder that may not be complete yet."""
    lock = threading.Lock()

    @cache  # an error is not kept
    def services() -> tuple[Handler, Handler]:
        archive = read_archive(folder)
        return gdc_service(archive), nbia_service(archive)

    def answer(request: Request) -> Response:
        try:
            with lock:
                gdc, nbia = services()
            return (nbia if request.path.startswith(PREFIX + "/") else gdc)(request)
        except ArchiveNotReadyError as error:
            return text_response(str(error), 503)

    return answer


@contextmanager
def listen(answer: Handler, port: int = 0) -> Iterator[Service]:
    """Put a handler on a loopback port until the block ends; open connections are cut then."""
    server = _Server(answer, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Service(f"http://{HOST}:{server.server_address[1]}", server.exchanges)
    finally:
        server.ending.set()
        server.shutdown()
        server.cut_connections()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Handler, port: int) -> None:
        self.answer = answer
        self.exchanges: list[Exchange] = []
        self.ending = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, port), _Connection)

    def server_bind(self) -> None:
        # Not HTTPServer's: it asks the resolver for the name of the host, which can take seconds without a network.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def started(self, exchange: Exchange) -> Callable[[int], None]:
        """Log an exchange before its body goes out; return what counts the bytes that follow."""
        with self._lock:
            position = len(self.exchanges)
            self.exchanges.append(exchange)

        def count(n_bytes: int) -> None:
            known = self.exchanges[position]
            self.exchanges[position] = known._replace(sent=known.sent + n_bytes)

        return count

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def cut_connections(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client may leave when it likes
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        super().finish()

    def do_GET(self) -> None:
        if len(self.path) > LONGEST_TARGET_BYTES:
            self.close_connection = True
            response = text_response("<html><h1>414 Request-URI Too Large</h1></html>", 414, "text/html")
        else:
            response = self.server.answer(self._request())
        self._send(response)

    do_POST = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815
    do_PUT = do_GET  # noqa: N815
    do_DELETE = do_GET  # noqa: N815

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        return Request(
            method=self.command,
            path=unquote(parts.path),
            query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )

    def _send(self, response: Response) -> None:
        delivery = response.delivery
        count = self.server.started(Exchange(self.command, self.path, response.status, 0))
        if not self._pause(delivery.header_pause_s) or self._said_something_else(delivery):
            return
        chunked = self._send_header(response)
        if self.command == "HEAD":
            return
        if delivery.never_ends == "marks":
            self._go_on(b"1;", b"x", delivery)
        elif isinstance(response.body, FilePart) and delivery == Delivery():
            self._send_file(response.body, count, chunked=chunked)
            self._end(delivery, chunked=chunked)
        elif self._send_pieces(response, count, chunked=chunked):
            self._end(delivery, chunked=chunked)

    def _said_something_else(self, delivery: Delivery) -> bool:
        """Whether something went out in place of a reply."""
        if delivery.never_ends == "continue":
            self._go_on(b"", b"HTTP/1.1 100 Continue\r\n\r\n", delivery)
            return True
        if delivery.raw is None and delivery.sends_header:
            return False
        self.wfile.write(delivery.raw or b"")
        self._hang_up(reset=delivery.resets)
        return True

    def _send_pieces(self, response: Response, count: Callable[[int], None], *, chunked: bool) -> bool:
        """Send the body; whether there was somebody to the end."""
        delivery = response.delivery
        for piece in pieces_of(response):
            count(len(piece))  # before it leaves: whoever has read the whole reply finds it counted
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if delivery.drips_body and not self._pause(len(piece) / (delivery.bytes_per_s or 1)):
                return False
        return True

    def _end(self, delivery: Delivery, *, chunked: bool) -> None:
        if delivery.body_bytes is not None:
            self._pause(delivery.stall_s)
            self._hang_up(reset=delivery.resets)
        elif delivery.never_ends:
            self._go_on(b"0\r\nX: ", b"x", delivery)
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _go_on(self, head: bytes, piece: bytes, delivery: Delivery) -> None:
        """Say something for ever."""
        self.close_connection = True
        self.wfile.write(head)
        while self._pause(len(piece) / (delivery.bytes_per_s or 1000)):
            self.wfile.write(piece)

    def _send_file(self, part: FilePart, count: Callable[[int], None], *, chunked: bool) -> None:
        """Let the kernel copy a stored file, so that a client on the same machine is timed and not the service."""
        with part.path.open("rb") as stream:
            for offset, length in part.spans():
                count(length)
                if chunked:
                    self.wfile.write(b"%x\r\n" % length)
                if self.connection.sendfile(stream, offset, length) < length:
                    raise ConnectionAbortedError(f"{part.path}: shorter than announced")
                if chunked:
                    self.wfile.write(b"\r\n")

    def _send_header(self, response: Response) -> bool:
        """Send status and header; return whether the body goes in chunks."""
        framing = response.delivery.framing
        self.send_response(response.status)
        for name, value in response.headers.items():
            if framing == "own" or name != "Content-Length":
                self.send_header(name, value)
        told = "Content-Length" in response.headers
        if isinstance(response.body, bytes) and framing == "own" and not told and response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        endless = not isinstance(response.body, bytes) and not told
        chunked = framing == "chunked" or (framing == "own" and endless)
        chunked = chunked and self.request_version != "HTTP/1.0"  # to an old client, the end is that we hang up
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif framing == "closing":
            self.send_header("Connection", "close")
        if response.delivery.drips_header:
            self._drip_header(response.delivery.bytes_per_s or 1000)
        else:
            self.end_headers()
        return chunked

    def _drip_header(self, bytes_per_s: float) -> None:
        self._headers_buffer: list[bytes]
        header, self._headers_buffer = b"".join(self._headers_buffer) + b"\r\n", []
        for position in range(len(header)):
            self.wfile.write(header[position : position + 1])
            if not self._pause(1 / bytes_per_s):
                raise ConnectionAbortedError("the client left")

    def _pause(self, seconds: float) -> bool:
        """Wait; return whether there is still somebody to answer: the service may end, or the client leave."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.server.ending.wait(min(left, 0.05)) or self._client_left():
                self.close_connection = True
                return False
        return True

    def _client_left(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def _hang_up(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:  # not to linger on close makes the kernel send a reset; closed past socketserver, which says goodbye
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Say nothing; exchanges are logged by the server."""
