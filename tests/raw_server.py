"""A server of bytes that no HTTP library would send."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

Say = Callable[[socket.socket], None]


@dataclass
class Raw:
    """`connections` counts who came."""

    url: str
    connections: int = 0


def endless(head: bytes, piece: bytes, pause_s: float = 0.002) -> Say:
    """Say the head, and then the piece again and again."""

    def say(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(pause_s)

    return say


@contextlib.contextmanager
def raw_server(say: bytes | Say) -> Iterator[Raw]:
    """Answer each connection once, by bytes or by what a function does with it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        open_ones: list[socket.socket] = []
        raw = Raw(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def answer(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                connection.recv(65_536)
                connection.sendall(say) if isinstance(say, bytes) else say(connection)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    open_ones.append(connection)
                    raw.connections += 1
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield raw
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for connection in open_ones:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def raw() -> Iterator[Callable[[bytes | Say], Raw]]:
    with contextlib.ExitStack() as stack:
        yield lambda say: stack.enter_context(raw_server(say))
