"""Small ways into an error: a config, a command, a file of some content."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from mgi.cli import main
from mgi.config.tree import checked
from mgi.core.errors import MgiError
from mgi.core.files import write_json

Case = Callable[[Path], object]


def config(**given: Any) -> Case:
    return lambda _: checked(given)


def command(*argv: str) -> Case:
    """What a command prints, under its exit code."""

    def run(folder: Path) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed):
            code = main([part.format(folder=folder) for part in argv])
        raise MgiError(f"exit {code}: {printed.getvalue().strip()}")

    return run


def file(name: str, content: object, read: Callable[[Path], object]) -> Case:
    """What `read` says of a file that holds `content`: bytes, text or JSON."""

    def run(folder: Path) -> None:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else _text(content).encode())
        read(path)

    return run


def _text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def sealed(name: str, content: dict[str, Any], read: Callable[[Path], object]) -> Case:
    """What `read` says of a file as mgi writes it."""

    def run(folder: Path) -> None:
        write_json(folder / name, content)
        read(folder / name)

    return run


def nifti(voxels: Any) -> bytes:
    return nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes()
