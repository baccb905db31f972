"""Connections whose every read looks at the deadline of the request that it is for."""

import http.client
import io
from typing import Any

import requests
import urllib3
import urllib3.connection
from requests.adapters import HTTPAdapter

from mgi.http.deadline import current


class _WatchedReader(io.RawIOBase):
    """A socket's bytes, in reads that end in time: with what has arrived, or with the deadline's error."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        deadline = current()
        if deadline is None:
            return self._raw.readinto(buffer)  # type: ignore[no-any-return]
        self._socket.settimeout(deadline.seconds_for_a_read())
        try:
            n_bytes: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            deadline.seconds_for_a_read()  # says so where it was more than silence
            raise
        deadline.arrived(n_bytes or 0)
        return n_bytes

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Files:
    """What a reply asks of its socket."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_WatchedReader(self._socket))


class _Reply(http.client.HTTPResponse):
    """A reply read through `_WatchedReader`: status, header, body, chunk marks and trailers, a proxy's words too."""

    def __init__(self, sock: Any, *given: Any, **named: Any) -> None:
        super().__init__(_Files(sock), *given, **named)  # type: ignore[arg-type]


class _PlainConnection(urllib3.connection.HTTPConnection):
    _reply: _Reply | None = None

    def response_class(self, *given: Any, **named: Any) -> _Reply:  # type: ignore[override]
        self._reply = _Reply(*given, **named)
        return self._reply

    def getresponse(self) -> Any:
        """The reply; what holds the socket is closed where urllib3 refuses the header after http.client took it."""
        try:
            return super().getresponse()
        except BaseException:
            if self._reply is not None:
                self._reply.close()
            raise
        finally:
            self._reply = None


class _TlsConnection(_PlainConnection, urllib3.connection.HTTPSConnection):
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = _POOLS
        return manager


def open_session(*, connections: int = 4, proxies: bool = True) -> requests.Session:
    """Connections, with the proxies and certificates that the environment names, as `requests` reads it."""
    session = requests.Session()
    adapter = _Adapter(pool_connections=connections, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.trust_env = proxies
    return session
