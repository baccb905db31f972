"""Two kinds of full disk: a limit on the size of files, and a small file system that is really full."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mgi.cli import main
from small_ingestion import commands, write_small_archive

SMALL = 1_000  # bytes, less than any file that a command writes


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of sixteen patients."""
    return write_small_archive(tmp_path_factory.mktemp("simulated") / "archive")


@pytest.fixture(scope="session")
def ingested(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole ingestion; only for copying."""
    folder = tmp_path_factory.mktemp("ingested")
    for name, arguments in commands(simulated, folder).items():
        assert main(arguments) == 0, name
    return folder


Limited = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def limited() -> Limited:
    """Run a Python program in which no file can grow beyond so many bytes."""

    def run(arguments: list[str], limit: int = SMALL) -> subprocess.CompletedProcess[str]:
        def restrict() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            [sys.executable, *arguments], env=env, preexec_fn=restrict, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 2 MB; skipped where this user may not mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no `mount` on this machine: ENOSPC is not tested, EFBIG is")
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system ({mounted.stderr.strip()}): ENOSPC is not tested, EFBIG is")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
