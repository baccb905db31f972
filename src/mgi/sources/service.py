"""One HTTP service: an honest name, no credentials but those handed in, no cookies, no wandering to another host."""

import http.cookiejar
import ipaddress
import json
import random
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from mgi.core.errors import ConfigError, NetworkError
from mgi.sources.body import Limits, chunks_of, refuse_page
from mgi.sources.retry import RetryPolicy, TransientError, retry_after_seconds, with_retries

T = TypeVar("T")

USER_AGENT = "mgi/0.1 (glioma gene-and-image pipeline; python-requests)"
MAX_REDIRECTS = 5
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to ask; `path` is relative to the service, `label` is how messages name it."""

    path: str
    label: str
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Fields of a login; kept out of every text about the request."""


class MissingEndpointError(NetworkError):
    """The service does not know what was asked for (HTTP 404 or 410)."""


class FailingServerError(NetworkError):
    """The service answered with a failure of its own (HTTP 5xx) every time."""


class Credential(Protocol):
    """What proves to one service who asks; its secrets are in no `repr`."""

    def headers(self) -> Mapping[str, str]:
        """The headers to send now."""
        ...

    def renewed(self, refused: Mapping[str, str]) -> bool:
        """Whether, after these headers were refused with 401, `headers` has others now."""
        ...

    def hide(self, text: str) -> str:
        """The text without any secret in it: a service may echo what it was sent."""
        ...


def open_session(*, connections: int = 4, proxies: bool = True) -> requests.Session:
    """A session that retries nothing by itself: `with_retries` decides, and counts."""
    session = requests.Session()
    adapter = HTTPAdapter(max_retries=0, pool_connections=connections, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # Accept-Encoding identity: the length of the body is then the length of the file.
    session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    session.auth = _no_credentials  # else requests would send what ~/.netrc holds
    session.trust_env = proxies
    return session


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


@dataclass(frozen=True, kw_only=True)
class Service:
    """A base address with its session, patience and retry policy."""

    base_url: str
    session: requests.Session
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    limits: Limits = field(default_factory=Limits)
    sleep: Callable[[float], None] = time.sleep
    credential: Credential | None = None

    def __post_init__(self) -> None:
        if self.credential is not None:
            refuse_open_wire(self.base_url)

    @property
    def name(self) -> str:
        """How messages name the service: its host, never a port that changes from run to run."""
        return "local archive" if is_loopback(self.base_url) else str(urlsplit(self.base_url).hostname)

    def retrying(self, action: Callable[[], T], *, seed: str) -> T:
        """Run `action` under this service's policy; the jitter follows from `seed`, so threads share no generator."""
        rng = random.Random(zlib.crc32(seed.encode()))
        return with_retries(action, self.policy, rng=rng, sleep=self.sleep)

    @contextmanager
    def open(self, request: Request, headers: Mapping[str, str] | None = None) -> Iterator[requests.Response]:
        """Send once and yield a reply of status 200 or 206 (416 too, where a range was asked), body unread.

        Raises TransientError for what may pass (408, 429, 5xx, timeouts, refused connections) and NetworkError for
        what will not (400, 401, 403, 404, redirects to another host). A credential that is refused is renewed and
        tried again once.
        """
        label = f"{self.name}: {request.label}"
        response = self._send_as_somebody(request, dict(headers or {}), label)
        try:
            accepted = {200, 206, 416} if headers and "Range" in headers else {200, 206}
            if response.status_code not in accepted:
                self._refuse(request, response, label)
            if "text/html" in response.headers.get("Content-Type", "").lower():
                raise TransientError(NetworkError(f"{label}: got a web page instead of data"))
            yield response
        finally:
            response.close()

    def json(self, request: Request, check: Callable[[Any], None] = lambda reply: None) -> Any:
        """Parse a JSON reply, with retries; an empty body gives None, since NBIA says "nothing" that way.

        `check` gets the parsed reply and raises TransientError where another attempt may bring a better one.
        """

        def attempt() -> Any:
            body = self._read_once(request)
            try:
                reply = json.loads(body) if body.strip() else None
            except (ValueError, RecursionError) as error:
                raise TransientError(NetworkError(f"{self.name}: {request.label}: not JSON ({error})")) from None
            check(reply)
            return reply

        return self.retrying(attempt, seed=request.label)

    def _read_once(self, request: Request) -> bytes:
        label = f"{self.name}: {request.label}"
        with self.open(request) as response:
            arriving = chunks_of(response, self.limits, label=label, max_bytes=self.limits.json_bytes)
            return b"".join(bytes(piece) for piece in refuse_page(arriving, label=label))

    def _send_as_somebody(self, request: Request, headers: dict[str, str], label: str) -> requests.Response:
        if self.credential is None:
            return self._send(request, headers, label)
        shown = dict(self.credential.headers())
        response = self._send(request, headers | shown, label)
        if response.status_code == 401 and self.credential.renewed(shown):
            response.close()
            response = self._send(request, headers | dict(self.credential.headers()), label)
        return response

    def _send(self, request: Request, headers: dict[str, str], label: str) -> requests.Response:
        url = self.base_url.rstrip("/") + "/" + request.path.lstrip("/")
        params: Mapping[str, str] | None = request.params
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send_once(request, url, params, headers, label)
            if not response.is_redirect:
                return response
            target = urljoin(url, response.headers["Location"])
            response.close()
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                where = urlsplit(target).hostname or f"a {urlsplit(target).scheme}: address"
                raise NetworkError(f"{label}: redirected to another host, {where}; refused")
            url, params = target, None
        raise NetworkError(f"{label}: more than {MAX_REDIRECTS} redirects")

    def _send_once(
        self, request: Request, url: str, params: Mapping[str, str] | None, headers: dict[str, str], label: str
    ) -> requests.Response:
        patience = (self.limits.connect_s, self.limits.read_s)
        try:
            return self.session.request(
                request.method,
                url,
                params=params,
                json=request.body,
                data=request.form or None,
                headers=headers,
                timeout=patience,
                stream=True,
                allow_redirects=False,
            )
        except requests.Timeout:
            raise TransientError(NetworkError(f"{label}: no answer within {self.limits.read_s:.0f} s")) from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise TransientError(NetworkError(f"{label}: no connection ({_cause(error)})")) from None
        except requests.RequestException as error:
            raise NetworkError(f"{label}: {type(error).__name__}") from None

    def _refuse(self, request: Request, response: requests.Response, label: str) -> None:
        status, said = response.status_code, _first_words(response)
        if self.credential is not None:
            said = self.credential.hide(said)
        said = "" if request.form else said  # the reply to a login may hold what was sent
        kind = MissingEndpointError if status in (404, 410) else FailingServerError if status >= 500 else NetworkError
        error = kind(f"{label}: HTTP {status}" + (f", {said}" if said else ""))
        if status in _RETRIED or status >= 500:
            raise TransientError(error, retry_after_s=retry_after_seconds(response.headers.get("Retry-After")))
        raise error


def open_service(base_url: str, *, connections: int, policy: RetryPolicy) -> Service:
    """A service at `base_url`: https anywhere, plain http only on this machine.

    Raises ConfigError for another scheme.
    """
    refuse_open_wire(base_url)
    proxies = not is_loopback(base_url)
    return Service(base_url=base_url, session=open_session(connections=connections, proxies=proxies), policy=policy)


def refuse_open_wire(base_url: str) -> None:
    """Raise ConfigError where others could read along: plain http to another machine, or a login in the address."""
    parts = urlsplit(base_url)
    if parts.username is not None or parts.password is not None:
        raise ConfigError("base_url: holds a user name or password, expected it in the environment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(base_url)):
        raise ConfigError(f"base_url: found {base_url!r}, expected https://… (http:// only for this machine)")


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _first_words(response: requests.Response) -> str:
    """What a refusal says, in at most 200 characters; nothing where it is a web page or broke off."""
    try:
        said = response.raw.read(2_000, decode_content=True).decode("utf-8", "replace")
    except (urllib3.exceptions.HTTPError, OSError):
        return ""
    return "" if said.lstrip().startswith("<") else " ".join(said.split())[:200]


def _cause(error: Exception) -> str:
    """The shortest true word for a failed connection; the full text would hold a port that changes."""
    text = str(error).lower()
    for sign, word in (("refused", "refused"), ("name or service", "unknown host"), ("resolve", "unknown host")):
        if sign in text:
            return word
    return "broken off"
