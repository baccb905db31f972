"""The config of a run, checked by the package's own settings before any job; and pieces of it as text for commands."""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from mgi.config.tree import checked
from mgi.core.errors import ConfigError

__all__ = ["ConfigError", "check_checkout", "check_writable", "complete", "section"]


def complete(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config checked, with defaults, and with a results folder that can be written.

    Raises ConfigError for the first thing that is wrong.
    """
    filled = checked(config)
    check_writable(Path(filled["results"]))
    return filled


def check_checkout(folder: Path) -> None:
    """Raise ConfigError where the folder of the workflow has a name that Snakemake's own paths cannot hold."""
    if set(str(folder)) & set("{}") or not str(folder).isprintable():
        raise ConfigError(
            f"{str(folder)!r}: this checkout's path holds braces or control characters; move or rename it"
        )


def check_writable(folder: Path) -> None:
    """Raise ConfigError unless the folder, or the nearest one above it that exists, takes a new file.

    Nothing with a name is left behind, so a dry run may ask too.
    """
    existing = folder
    try:
        existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ConfigError(f"results: cannot write to '{folder}': {existing}: {error.strerror}") from None


def section(config: Mapping[str, Any], place: str, *, without: tuple[str, ...] = ()) -> str:
    """What stands at a place such as `modalities.rna.fit`, as JSON with sorted keys: equal settings give equal text."""
    found: Any = config
    for name in place.split("."):
        found = found[name]
    return json.dumps({key: value for key, value in found.items() if key not in without}, sort_keys=True)
