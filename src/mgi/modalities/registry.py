"""Which modalities there are: a name each, and the settings that the config takes for it.

A new one is a folder beside `rna` and `flair`, or a Python file that the config's `plugins` names and that calls
`register`.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from mgi.core.errors import ConfigError
from mgi.locks.settings import FetchSettings

_SETTINGS = {
    "rna": "mgi.modalities.rna.settings:RnaSettings",
    "flair": "mgi.modalities.flair.settings:FlairSettings",
}


def register(name: str, *, settings: str) -> None:
    """Add a modality; `settings` is `module:Class` of its section, a FetchSettings, imported when it is asked for."""
    _SETTINGS[name] = settings


def names() -> list[str]:
    """All modalities, in the order in which they were registered."""
    return list(_SETTINGS)


def settings_class(name: str) -> type[FetchSettings]:
    """The model of the modality's section of the config."""
    module, _, attribute = _SETTINGS[name].partition(":")
    found: type[FetchSettings] = getattr(importlib.import_module(module), attribute)
    return found


def load_plugins(files: Iterable[str]) -> None:
    """Import each Python file, under its own name, so that what it registers is known; once a process.

    Raises ConfigError where one is not there or cannot be imported.
    """
    for file in files:
        path = Path(file)
        if not path.is_file():
            raise ConfigError(f"plugins: found {file}, expected a Python file")
        if path.stem not in sys.modules:
            _import(path)


def _import(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"plugins: found {path}, expected a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - it may hold any mistake, and the config names it
        del sys.modules[path.stem]
        raise ConfigError(f"plugins: {path}: {type(error).__name__}: {error}") from None
