"""A client of a real service, or of the stand-in for it on this machine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import mgi
from mgi.core.errors import ConfigError, ResourceError
from mgi.http.retry import RetryPolicy
from mgi.http.service import Service, open_service


class Pace(Protocol):
    """How a client asks: the first pause between attempts, in seconds, and how many requests at once."""

    @property
    def retry_base_s(self) -> float: ...

    @property
    def threads(self) -> int: ...


@contextmanager
def service_for(archive: str | None, path: str, real: str, chosen: Pace) -> Iterator[Service]:
    """A client of the real service at the URL `real`, or of the simulated archive under `path` of a local server."""
    if archive is not None and not (Path(archive) / "archive.json").is_file():
        raise ConfigError(f"{archive}: no archive.json, so the simulated archive is not complete; run simulate first")
    with nullcontext(real) if archive is None else _standin(archive, path) as url:
        policy = RetryPolicy(base_s=chosen.retry_base_s)
        service = open_service(url, connections=chosen.threads, policy=policy)
        with closing(service.session):
            yield service


@contextmanager
def _standin(folder: str, path: str) -> Iterator[str]:
    """URL of `path` on a stand-in over `folder`: a process that ends with the block, or when this one is killed."""
    beside = str(Path(mgi.__file__).parents[1])  # imported nowhere in this package, found by its place alone
    modules = os.pathsep.join([beside, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-P", "-m", "mgi_standin", "archive", "--folder", folder, "--port", "0", "--until-eof"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": modules}
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise ResourceError(f"{folder}: the simulated archive did not start; what it said stands above")
            yield url + path
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
