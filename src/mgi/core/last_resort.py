"""The trace of an error that nobody foresaw, kept in a file."""

import os
import re
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mgi import __version__

UNEXPECTED = 70
"""Exit code of a mistake in the program, as in sysexits.h."""
VARIABLE = "MGI_TRACES"
KEPT = 20
_SECRET = re.compile(r"MGI_\w*(TOKEN|USER|PASSWORD)")


def save_trace(error: BaseException, argv: Sequence[str]) -> Path | None:
    """Write the trace where only this user reads it, and return the file; None where nothing can be written.

    That is the folder that MGI_TRACES names, `~/.cache/mgi/traces`, or a new one of the system's for temporary files.
    """
    name = re.sub(r"[^\w-]", "_", argv[0] if argv else "mgi")[:40]
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    text = _without_secrets("".join(traceback.format_exception(error)))
    head = f"mgi {__version__}, Python {sys.version.split()[0]}, in {Path.cwd()}\n{list(argv)}\n\n"
    for find in (_chosen_folder, _home_folder, lambda: Path(tempfile.mkdtemp(prefix="mgi-traces-"))):
        with suppress(OSError, RuntimeError, ValueError):
            folder = find()
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, path = tempfile.mkstemp(prefix=f"{name}-{stamp}-", suffix=".txt", dir=folder)  # of mode 0600
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as sink:
                sink.write(head + text)
            _forget_old(folder)
            return Path(path)
    return None


def _chosen_folder() -> Path:
    return Path(os.environ.get(VARIABLE) or _home_folder())


def _home_folder() -> Path:
    return Path.home() / ".cache/mgi/traces"


def _forget_old(folder: Path) -> None:
    for old in sorted(folder.glob("*-*-*.txt"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)


def _without_secrets(text: str) -> str:
    for name, value in os.environ.items():
        if _SECRET.fullmatch(name) and value:
            text = text.replace(value, "…")
    return text
