"""Why no reply came: what may pass (a refused connection, silence) and what will not (a certificate, a proxy's no)."""

import os
import re
import ssl
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import requests.utils
import urllib3.exceptions

from mgi.core.errors import ConfigError, MgiError, NetworkError
from mgi.core.text import printable
from mgi.http.deadline import Limits, current
from mgi.http.retry import TransientError

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_ADVICE = (
    "if a proxy of your institution opens the traffic, put the path of its certificates (PEM) into REQUESTS_CA_BUNDLE"
)
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
_BROKEN = (
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.SSLError,
    OSError,
)
_WORDS = (
    (("refused",), "no connection (refused)"),
    (("name or service", "resolve"), "no connection (unknown host)"),
    (("badstatusline",), "no reply that can be read (it does not begin as HTTP)"),
    (("linetoolong", "got more than"), "no reply that can be read (its header has no bounds)"),
)
_OTHER_TLS = (
    "UNSUPPORTED_PROTOCOL",
    "HANDSHAKE_FAILURE",
    "PROTOCOL_VERSION",
    "NO_SHARED_CIPHER",
    "CERTIFICATE_REQUIRED",
)


def failure_of(error: Exception, label: str, limits: Limits) -> MgiError | TransientError:
    """The error to raise for a request that brought no reply: TransientError where another attempt may bring one."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError) and (said := _tls_fault(cause)) is not None:
            return NetworkError(f"{label}: {said}")
    tunnel = re.search(r"Tunnel connection failed: (\d{3})", str(error))
    if tunnel is not None:
        named = f"the proxy of the environment refused the way (HTTP {tunnel[1]})"
        refused = NetworkError(f"{label}: {named}; see HTTPS_PROXY and NO_PROXY")
        return TransientError(refused) if tunnel[1] >= "500" else refused
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # a ConnectTimeoutError too, by its class
        return TransientError(NetworkError(f"{label}: {_broken(error)}"))
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return TransientError(NetworkError(f"{label}: no connection within {limits.connect_s:.0f} s"))
    if isinstance(error, urllib3.exceptions.TimeoutError):
        deadline = current()
        seconds = limits.read_s if deadline is None or deadline.has_read else limits.connect_s
        return TransientError(NetworkError(f"{label}: no answer within {seconds:.0f} s"))
    if isinstance(error, urllib3.exceptions.ProxyError):
        said = f"{_broken(error)}: that is the proxy of the environment, see HTTPS_PROXY and NO_PROXY"
        return TransientError(NetworkError(f"{label}: {said}"))
    if isinstance(error, _BROKEN):
        return TransientError(NetworkError(f"{label}: {_broken(error)}"))
    return NetworkError(f"{label}: no reply that can be read ({type(error).__name__})")


def refuse_bad_environment(base_url: str) -> None:
    """Raise ConfigError where the environment names a proxy that is none, or certificates that are not there.

    The proxy is not shown: its address may hold a password.
    """
    proxy = requests.utils.select_proxy(base_url, requests.utils.get_environ_proxies(base_url))
    if proxy is not None:
        place = proxy if "://" in proxy else f"http://{proxy}"
        try:
            parts = urlsplit(place)
            usable = _is_known(parts.scheme) and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ConfigError(
                "HTTPS_PROXY (or ALL_PROXY): found what is no address of a proxy, expected http://host:port"
            )
    name = next((one for one in BUNDLES if os.environ.get(one)), None)
    if name is None:
        return
    path = Path(os.environ[name])
    if not path.exists():
        raise ConfigError(f"{name}: found no file at {printable(path)}, expected certificates in PEM")


def _is_known(scheme: str) -> bool:
    """Whether a proxy of this kind can be asked; for SOCKS that takes a package."""
    return scheme in ("http", "https") or (scheme.startswith("socks") and find_spec("socks") is not None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made of."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        parts = (*one.args, getattr(one, "reason", None), getattr(one, "original_error", None), one.__cause__)
        waiting += [part for part in parts if isinstance(part, BaseException)]


def _tls_fault(error: ssl.SSLError) -> str | None:
    """What an encrypted connection failed by, where it will fail again."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = printable(error.verify_message or error.reason or "not verified")
        return f"the certificate of the other side is not trusted ({why}); {_advice_on(why)}"
    reason = str(error.reason or "")
    if "NO_CERTIFICATE" in reason or "NO_START_LINE" in reason:
        return f"no certificates can be read ({printable(reason)}): {' or '.join(BUNDLES)} has to name a file in PEM"
    if any(sign in reason for sign in _NO_TLS):
        return f"the other side speaks no TLS ({printable(reason)}): is the port of base_url or the proxy right?"
    if any(sign in reason for sign in _OTHER_TLS):
        return f"no common way to encrypt with the other side ({printable(reason)})"
    return None


def _advice_on(why: str) -> str:
    if "expired" in why or "not yet valid" in why:
        return f"is the clock of this machine right? Else {_ADVICE}"
    if "match" in why.lower():
        return f"is base_url right? Else {_ADVICE}"
    return _ADVICE


def _broken(error: Exception) -> str:
    """The shortest true words for a failed connection; the full text would hold a port that changes."""
    text = str(error).lower()
    for signs, word in _WORDS:
        if any(sign in text for sign in signs):
            return word
    return "no connection (broken off)"
