"""Who asks: tokens and logins from the environment or from files that nobody else can read, never from the config.

A credential belongs to one service and is sent to that service's host only (`Service` follows no redirect to another),
over https or on this machine. It is in no log, no error and no `repr`.
"""

import math
import stat
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from mgi.core.errors import ConfigError, NetworkError
from mgi.http.service import Credential, Request, Service

GDC_TOKEN, TCIA_TOKEN = "MGI_GDC_TOKEN", "MGI_TCIA_TOKEN"
TCIA_USER, TCIA_PASSWORD = "MGI_TCIA_USER", "MGI_TCIA_PASSWORD"
CLIENT_ID = "NBIA"
HIDDEN = "…"
# A token is renewed this long before it ends, so that it does not end on the way.
MARGIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token that was given and cannot be renewed, with the header that carries it."""

    header: str
    prefix: str = ""
    secret: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """The one header that carries the token."""
        return {self.header: self.prefix + self.secret}

    def renewed(self, refused: Mapping[str, str]) -> bool:
        """Never: there is nothing to renew it with."""
        return False

    def hide(self, text: str) -> str:
        """The text without the token."""
        return text.replace(self.secret, HIDDEN)


@dataclass(kw_only=True)
class Login:
    """A user and password at NBIA's `oauth/token`, and the bearer token that they gave; shared among threads."""

    service: Service
    user: str = field(repr=False)
    password: str = field(repr=False)
    clock: Callable[[], float] = time.monotonic
    _access: str | None = field(default=None, repr=False)
    _refresh: str | None = field(default=None, repr=False)
    _renew_at: float = field(default=math.inf, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def headers(self) -> dict[str, str]:
        """The bearer token, asked for at first use and again before it ends.

        Raises NetworkError where the login is refused.
        """
        with self._lock:
            if self._access is None or self.clock() >= self._renew_at:
                self._renew()
            return self._shown()

    def renewed(self, refused: Mapping[str, str]) -> bool:
        """Ask for another token, unless another thread has done so since `refused` was sent."""
        with self._lock:
            if self._shown() == dict(refused):
                self._renew()
            return True

    def hide(self, text: str) -> str:
        """The text without password and tokens."""
        for secret in (self._access, self._refresh, self.password):
            text = text.replace(secret, HIDDEN) if secret else text
        return text

    def _shown(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._access}"}

    def _renew(self) -> None:
        """By the refresh token where there is one that is accepted, else by the password."""
        refresh, self._refresh, self._access = self._refresh, None, None
        if refresh is not None:
            with suppress(NetworkError):
                self._ask({"grant_type": "refresh_token", "refresh_token": refresh})
        if self._access is None:
            self._ask({"grant_type": "password", "username": self.user, "password": self.password})

    def _ask(self, grant: Mapping[str, str]) -> None:
        """Ask for a token and keep it."""
        form = {"client_id": CLIENT_ID, "client_secret": "", **grant}
        reply = self.service.json(Request(path="oauth/token", label="login", method="POST", form=form))
        if not isinstance(reply, dict) or not reply.get("access_token"):
            raise NetworkError(f"{self.service.name}: login: the reply holds no access_token")
        self._access = _clean(str(reply["access_token"]), "the access_token of the login")
        self._refresh = str(reply["refresh_token"]) if reply.get("refresh_token") else None
        lifetime_s = reply.get("expires_in")
        self._renew_at = math.inf  # where it is not stated, a reply of 401 will tell
        if isinstance(lifetime_s, int | float):
            self._renew_at = self.clock() + lifetime_s - min(MARGIN_S, lifetime_s / 2)


def gdc_credential(environ: Mapping[str, str]) -> Credential | None:
    """The GDC's token, where one is given; open files need none.

    Raises ConfigError where it is given twice, is malformed, or lies in a file that others can read.
    """
    secret = _secret(environ, GDC_TOKEN)
    return None if secret is None else Token(header="X-Auth-Token", secret=_clean(secret, GDC_TOKEN))


def tcia_credential(environ: Mapping[str, str], service: Service) -> Credential | None:
    """The bearer token of an NBIA service or a login there, where one is given; `service` is that service.

    Raises ConfigError as `gdc_credential` does, and where token and user are both given or the password lacks.
    """
    secret = _secret(environ, TCIA_TOKEN)
    user = environ.get(TCIA_USER)
    if secret is not None and user is not None:
        raise ConfigError(f"{TCIA_TOKEN}, {TCIA_USER}: found both, expected one of them")
    if secret is not None:
        return Token(header="Authorization", prefix="Bearer ", secret=_clean(secret, TCIA_TOKEN))
    if user is None:
        return None
    password = _secret(environ, TCIA_PASSWORD)
    if password is None:
        raise ConfigError(f"{TCIA_USER}: found without {TCIA_PASSWORD} or {TCIA_PASSWORD}_FILE, expected one of them")
    # `oauth/token` lies above `/services/v4`: on the same host, so the password stays there.
    parts = urlsplit(service.base_url)
    root = urlunsplit((parts.scheme, parts.netloc, parts.path.partition("/services")[0], "", ""))
    return Login(service=replace(service, base_url=root, credential=None), user=user, password=password)


def _secret(environ: Mapping[str, str], name: str) -> str | None:
    """The value of a variable, or of the file that the variable with `_FILE` names; None where neither is set."""
    given, place = environ.get(name), environ.get(f"{name}_FILE")
    if given is not None and place is not None:
        raise ConfigError(f"{name}, {name}_FILE: found both, expected one of them")
    return given if place is None else _from_private_file(Path(place), f"{name}_FILE")


def _from_private_file(path: Path, name: str) -> str:
    try:
        with path.open(encoding="utf-8") as source:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise ConfigError(f"{name}: {path} has mode {mode:04o}, expected 0600 (chmod 600 {path})")
            return source.read(1 << 16).strip()
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: {path} is not text") from None
    except OSError as error:
        raise ConfigError(f"{name}: {path}: {error.strerror}, expected a file of mode 0600") from None


def _clean(secret: str, name: str) -> str:
    """The secret if it can stand in a header; the error does not show it."""
    secret = secret.strip()
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError(f"{name}: empty, or with characters that no token has")
    return secret
