"""One HTTP service: an honest name, no credentials but those handed in, no cookies, no wandering to another host."""

import ipaddress
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import requests
import urllib3
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from mgi.core.errors import ConfigError, NetworkError
from mgi.http.body import Limits, chunks_of, refuse_page
from mgi.http.retry import RetryPolicy, TransientError, retry_after_seconds, with_retries

T = TypeVar("T")

USER_AGENT = "mgi/0.1 (glioma gene-and-image pipeline; python-urllib3)"
# Accept-Encoding identity: the length of the body is then the length of the file.
_ALWAYS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
MAX_REDIRECTS = 5
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_BROKEN = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.SSLError,
)


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

    def content(self) -> tuple[dict[str, str], bytes | None]:
        """The header that says what the body is, and the body."""
        if self.body is not None:
            return {"Content-Type": "application/json"}, json.dumps(self.body).encode()
        if self.form:
            return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(self.form).encode()
        return {}, None


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
    """Connections, with the proxies and certificates that the environment names, as `requests` reads it."""
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=connections, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.trust_env = proxies
    return session


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

    @cached_property
    def name(self) -> str:
        """How messages name the service: its host, never a port that changes from run to run."""
        return "local archive" if is_loopback(self.base_url) else str(urlsplit(self.base_url).hostname)

    @cached_property
    def _pool(self) -> urllib3.HTTPConnectionPool:
        """The connections to the host, through the proxy and with the certificates of the session.

        Requests go straight to them: `requests` would add cookies, logins of ~/.netrc and half a millisecond each.
        """
        chosen = self.session.merge_environment_settings(self.base_url, {}, None, None, None)
        adapter: Any = self.session.get_adapter(self.base_url)
        asked = requests.Request("GET", self.base_url).prepare()
        pool: urllib3.HTTPConnectionPool = adapter.get_connection_with_tls_context(
            asked, chosen["verify"], chosen["proxies"], chosen["cert"]
        )
        return pool

    def retrying(self, action: Callable[[], T], *, seed: str) -> T:
        """Run `action` under this service's policy."""
        return with_retries(action, self.policy, seed=seed, sleep=self.sleep)

    @contextmanager
    def open(self, request: Request, headers: Mapping[str, str] | None = None) -> Iterator[urllib3.BaseHTTPResponse]:
        """Send once and yield a reply of status 200 or 206 (416 too, where a range was asked), body unread.

        Raises TransientError for what may pass (408, 429, 5xx, timeouts, refused connections) and NetworkError for
        what will not (400, 401, 403, 404, redirects to another host). A credential that is refused is renewed and
        tried again once.
        """
        label = f"{self.name}: {request.label}"
        response = self._send_as_somebody(request, dict(headers or {}), label)
        try:
            accepted = {200, 206, 416} if headers and "Range" in headers else {200, 206}
            if response.status not in accepted:
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

        label = f"{self.name}: {request.label}"

        def attempt() -> Any:
            with self.open(request) as response:
                arriving = chunks_of(response, self.limits, label=label, max_bytes=self.limits.json_bytes)
                body = b"".join(refuse_page(arriving, label=label))
            try:
                reply = json.loads(body) if body.strip() else None
            except (ValueError, RecursionError) as error:
                raise TransientError(NetworkError(f"{label}: not JSON ({error})")) from None
            check(reply)
            return reply

        return self.retrying(attempt, seed=request.label)

    def _send_as_somebody(self, request: Request, headers: dict[str, str], label: str) -> urllib3.BaseHTTPResponse:
        if self.credential is None:
            return self._send(request, headers, label)
        shown = dict(self.credential.headers())
        response = self._send(request, headers | shown, label)
        if response.status == 401 and self.credential.renewed(shown):
            response.close()
            response = self._send(request, headers | dict(self.credential.headers()), label)
        return response

    def _send(self, request: Request, headers: dict[str, str], label: str) -> urllib3.BaseHTTPResponse:
        url = self.base_url.rstrip("/") + "/" + request.path.lstrip("/")
        if request.params:
            url += "?" + urlencode(request.params)
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send_once(request, url, headers, label)
            location = response.get_redirect_location()
            if not location:
                return response
            target = urljoin(url, location)
            response.close()
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                where = urlsplit(target).hostname or f"a {urlsplit(target).scheme}: address"
                raise NetworkError(f"{label}: redirected to another host, {where}; refused")
            url = target
        raise NetworkError(f"{label}: more than {MAX_REDIRECTS} redirects")

    def _send_once(self, request: Request, url: str, headers: dict[str, str], label: str) -> urllib3.BaseHTTPResponse:
        content_type, body = request.content()
        try:
            return self._pool.urlopen(
                request.method,
                urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl(),
                body=body,
                headers={**_ALWAYS, **content_type, **headers},
                timeout=urllib3.Timeout(connect=self.limits.connect_s, read=self.limits.read_s),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except _BROKEN as error:
            raise TransientError(NetworkError(f"{label}: no connection ({_cause(error)})")) from None
        except urllib3.exceptions.TimeoutError:
            raise TransientError(NetworkError(f"{label}: no answer within {self.limits.read_s:.0f} s")) from None
        except urllib3.exceptions.HTTPError as error:
            raise NetworkError(f"{label}: {type(error).__name__}") from None

    def _refuse(self, request: Request, response: urllib3.BaseHTTPResponse, label: str) -> None:
        status, said = response.status, _first_words(response)
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


def _first_words(response: urllib3.BaseHTTPResponse) -> str:
    """What a refusal says, in at most 200 characters; nothing where it is a web page or broke off."""
    try:
        said = response.read(2_000, decode_content=True).decode("utf-8", "replace")
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
