"""A client of a real service, or of the simulated archive on this machine.

Not a command (the leading underscore hides it from the command line).
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mgi.core.errors import ConfigError
from mgi.http.retry import RetryPolicy
from mgi.http.service import Service, open_service
from mgi.locks.settings import ExpressionSettings, ImageSettings


@contextmanager
def service_for(archive: str | None, path: str, chosen: ExpressionSettings | ImageSettings) -> Iterator[Service]:
    """A client of the real service, or of the simulated archive under `path` of a local server."""
    with _base_url(archive, path, chosen.base_url) as url:
        policy = RetryPolicy(base_s=chosen.retry_base_s)
        service = open_service(url, connections=chosen.threads, policy=policy)
        with closing(service.session):
            yield service


@contextmanager
def _base_url(archive: str | None, path: str, real: str) -> Iterator[str]:
    if archive is None:
        yield real
        return
    if not (Path(archive) / "archive.json").is_file():
        raise ConfigError(f"{archive}: no archive.json, so the simulated archive is not complete; run simulate first")
    from mgi.archive import server  # only a simulated run pays for it

    with server.serve(Path(archive)) as service:
        yield service.url.rstrip("/") + path
