"""The address of a service as a user wrote it: usable, or refused with what is wrong with it."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from mgi.core.errors import ConfigError
from mgi.core.text import printable

_EXAMPLE = "https://host/path"
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_NEAR = re.compile(r"^(h?t+ps?|https?s|hhttps?)\b[:;]?/*", re.IGNORECASE)


def refuse_open_wire(base_url: str) -> None:
    """Raise ConfigError where the address is none, or where others could read along.

    That is plain http to another machine, or a login in the address.
    """
    found = f"base_url: found '{printable(base_url)}'"
    if "@" in base_url:
        raise ConfigError("base_url: found a user name or password in it, expected them in the environment")
    if wrong := fault_of(base_url):
        raise ConfigError(f"{found}, {wrong}")
    if urlsplit(base_url).scheme != "https" and not is_loopback(base_url):
        raise ConfigError(f"{found}, expected https://… (http:// only for this machine)")


def fault_of(base_url: str) -> str:
    """What is wrong with the form of an address, with what is expected; empty where it can be asked."""
    odd = next((char for char in base_url if not "!" <= char <= "~" or char in '\\<>"^`{|}'), None)
    if odd is not None:
        return f"which holds {odd!r}, expected {_EXAMPLE} of plain letters, without spaces"
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        return f"which is no address ({printable(error)}), expected {_EXAMPLE}"
    if parts.scheme not in ("http", "https"):
        return _fault_of_scheme(base_url, parts)
    if not parts.netloc or not parts.hostname:
        return f"which names no host, expected {_EXAMPLE} (two slashes before the host)"
    if port == 0 or parts.netloc.endswith(":"):
        return f"which has no port after the colon, expected {_EXAMPLE}"
    if not _is_host(parts.hostname):
        return f"whose host '{printable(parts.hostname)}' is none, expected a name such as api.gdc.cancer.gov"
    if "?" in base_url or "#" in base_url:
        return f"which has a query or a fragment, expected {_EXAMPLE} alone"
    return ""


def _fault_of_scheme(base_url: str, parts: SplitResult) -> str:
    if "://" not in base_url:
        rest = _NEAR.sub("", base_url) or "host/path"
        return f"which does not begin with https://, expected https://{printable(rest)}"
    return f"whose scheme is {printable(parts.scheme or base_url.partition('://')[0])!r}, expected https"


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # A name of digits and points alone is an address that was mistyped.
        labels = host.removesuffix(".").split(".")
        return all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit() and len(host) <= 253
    return True


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
