"""The modalities by name. A new one is a folder here and a line below, or a Python file that the config's `plugins`
names and that calls `register`.
"""

import importlib.util
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from mgi.core.errors import ConfigError
from mgi.locks.settings import FetchSettings
from mgi.modalities.modality import Modality

# In the order in which cohorts and messages list them. Each module has the modality under the name MODALITY.
_BUILT_IN = {"rna": "mgi.modalities.rna.modality", "flair": "mgi.modalities.flair.modality"}
_registered: dict[str, Modality] = {}


def register(modality: Modality) -> None:
    """Add a modality.

    Raises ConfigError where the name is taken by another.
    """
    if modality.name in _BUILT_IN or _registered.get(modality.name, modality) != modality:
        raise ConfigError(f"modality {modality.name}: registered twice, expected one of each name")
    _registered[modality.name] = modality


def names() -> list[str]:
    """All names, in the order in which they are listed everywhere."""
    return [*_BUILT_IN, *_registered]


def modality(name: str) -> Modality:
    """The modality of a name.

    Raises ConfigError naming the known ones where there is none.
    """
    if name in _BUILT_IN:
        found: Modality = import_module(_BUILT_IN[name]).MODALITY
        return found
    if name not in _registered:
        raise ConfigError(f"modality: found {name!r}, expected one of {', '.join(names())}, or a plugin that has it")
    return _registered[name]


def settings_class(name: str) -> type[FetchSettings]:
    """The model of the modality's section of the config."""
    module, _, attribute = modality(name).settings.partition(":")
    found: type[FetchSettings] = getattr(import_module(module), attribute)
    return found


def module_of(name: str) -> str:
    """The module that says what a modality is: one of the package, or a plugin's."""
    return _BUILT_IN.get(name) or modality(name).fetching


def in_order(wanted: Iterable[str]) -> list[Modality]:
    """The modalities of these names, in the order of `names`."""
    asked = set(wanted)
    for name in sorted(asked - set(names())):
        modality(name)
    return [modality(name) for name in names() if name in asked]


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
