"""One HTTP service: an honest name, no credentials but those handed in, no cookies, no wandering to another host."""

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

from mgi.core.computed_once import computed_once
from mgi.core.errors import IntegrityError, NetworkError
from mgi.core.text import printable
from mgi.http.address import is_loopback, refuse_open_wire
from mgi.http.body import chunks_of, first_words, refuse_page
from mgi.http.connections import open_session
from mgi.http.deadline import Clock, Deadline, Limits, Listing, current
from mgi.http.failure import failure_of, refuse_bad_environment
from mgi.http.reply import OverfullError, parsed
from mgi.http.retry import RetryPolicy, TransientError, retry_after_seconds, with_retries

T = TypeVar("T")

USER_AGENT = "mgi/0.1 (glioma gene-and-image pipeline; python-urllib3)"
# Accept-Encoding identity: the length of the body is then the length of the file.
_ALWAYS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
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


@dataclass(frozen=True, kw_only=True)
class Service:
    """A base address with its session, patience and retry policy."""

    base_url: str
    session: requests.Session
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    limits: Limits = field(default_factory=Limits)
    sleep: Callable[[float], None] = time.sleep
    credential: Credential | None = None
    clock: Clock = time.monotonic

    def __post_init__(self) -> None:
        if self.credential is not None:
            refuse_open_wire(self.base_url)

    @cached_property
    def name(self) -> str:
        """How messages name the service: its host, never a port that changes from run to run."""
        return "local archive" if is_loopback(self.base_url) else str(urlsplit(self.base_url).hostname)

    @computed_once
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

    def deadline(self, request: Request, *, expected_bytes: int = 0) -> Deadline:
        """The deadline of a request with all its attempts; `expected_bytes` is the body's size where it is known."""
        label = f"{self.name}: {request.label}"
        return Deadline(label=label, limits=self.limits, clock=self.clock, expected_bytes=expected_bytes)

    def listing(self, label: str) -> Listing:
        """The limits of a search that takes many requests."""
        return Listing(label=f"{self.name}: {label}", limits=self.limits, clock=self.clock)

    def retrying(self, action: Callable[[], T], *, seed: str) -> T:
        """Run `action` under this service's policy."""
        return with_retries(action, self.policy, seed=seed, sleep=self.sleep)

    @contextmanager
    def open(
        self, request: Request, headers: Mapping[str, str] | None = None, deadline: Deadline | None = None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Send once and yield a reply of status 200 or 206 (416 too, where a range was asked), body unread.

        Raises TransientError for what may pass (408, 429, 5xx, timeouts, refused connections) and NetworkError for
        what will not (400, 401, 403, 404, redirects to another host, the deadline). A credential that is refused is
        renewed and tried again once. `deadline` is the one that earlier attempts have drawn on.
        """
        deadline = deadline or self.deadline(request)
        label = deadline.label
        with deadline.attempt():
            response = self._send_as_somebody(request, dict(headers or {}), label)
            try:
                accepted = {200, 206, 416} if headers and "Range" in headers else {200, 206}
                if response.status not in accepted:
                    self._refuse(request, response, deadline)
                if "text/html" in response.headers.get("Content-Type", "").lower():
                    raise TransientError(NetworkError(f"{label}: got a web page instead of data"))
                yield response
            finally:
                response.close()

    def json(self, request: Request, check: Callable[[Any], None] = lambda reply: None) -> Any:
        """Parse a JSON reply, with retries; an empty body gives None, since NBIA says "nothing" that way.

        `check` gets the parsed reply and raises TransientError where another attempt may bring a better one.
        """
        deadline = self.deadline(request)

        def attempt() -> Any:
            with self.open(request, deadline=deadline) as response:
                arriving = chunks_of(response, deadline, max_bytes=self.limits.json_bytes)
                body = b"".join(refuse_page(arriving, label=deadline.label))
            try:
                reply = parsed(body)
            except OverfullError as error:
                raise IntegrityError(f"{deadline.label}: {error}") from None
            except ValueError as error:
                raise TransientError(NetworkError(f"{deadline.label}: not JSON ({error})")) from None
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
            response.close()
            try:
                url = _followed(url, location)
            except ValueError as wrong:
                raise NetworkError(f"{label}: redirected to {self._shown(str(wrong))}") from None
        raise NetworkError(f"{label}: more than {MAX_REDIRECTS} redirects")

    def _send_once(self, request: Request, url: str, headers: dict[str, str], label: str) -> urllib3.BaseHTTPResponse:
        content_type, body = request.content()
        if (deadline := current()) is not None:
            deadline.await_header()
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
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise failure_of(error, label, self.limits) from None
        except ValueError as error:  # what http.client makes of nonsense in a header
            raise NetworkError(f"{label}: no reply that can be read ({printable(error)})") from None

    def _shown(self, said: str) -> str:
        """What the service said, without any secret of the credential, safe to show."""
        return printable(said if self.credential is None else self.credential.hide(said))

    def _refuse(self, request: Request, response: urllib3.BaseHTTPResponse, deadline: Deadline) -> None:
        status, label = response.status, deadline.label
        said = self._shown(first_words(response, deadline))
        said = "" if request.form else said  # the reply to a login may hold what was sent
        kind = MissingEndpointError if status in (404, 410) else FailingServerError if status >= 500 else NetworkError
        error = kind(f"{label}: HTTP {status}" + (f", {said}" if said else ""))
        if status in _RETRIED or status >= 500:
            raise TransientError(error, retry_after_s=retry_after_seconds(response.headers.get("Retry-After")))
        raise error


def open_service(base_url: str, *, connections: int, policy: RetryPolicy) -> Service:
    """A service at `base_url`: https anywhere, plain http only on this machine.

    Raises ConfigError for another scheme, for what is no address, and where the environment's proxy or certificates
    are none.
    """
    refuse_open_wire(base_url)
    proxies = not is_loopback(base_url)
    if proxies:
        refuse_bad_environment(base_url)
    return Service(base_url=base_url, session=open_session(connections=connections, proxies=proxies), policy=policy)


def _followed(url: str, location: str) -> str:
    """The address that a redirect names.

    Raises ValueError, with what it names instead, for another host or scheme and for what is no address.
    """
    try:
        target = urljoin(url, location)
        asked, named = urlsplit(url), urlsplit(target)
        host = named.hostname
    except ValueError as error:
        raise ValueError(f"{location!r}, which is no address ({error})") from None
    if named[:2] != asked[:2]:
        other = f"another host, {host}" if host else f"another host, a {named.scheme}: address"
        raise ValueError(f"{f'another scheme or port of {host}' if host == asked.hostname else other}; refused")
    if not all("!" <= char <= "~" for char in target):
        raise ValueError(f"{location!r}, which is no address")
    return target
