"""Python files of the user's that add modalities and tasks: imported once a process, each under its own name."""

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from mgi.core.errors import ConfigError

VARIABLE = "MGI_PLUGINS"
"""The environment variable by which the workflow tells every command of them, as PATH lists folders."""


def load_plugins(files: Iterable[str]) -> None:
    """Import each file, so that what it registers is known.

    Raises ConfigError where one is not there or cannot be imported, or two have one name.
    """
    for file in files:
        path = Path(file)
        if not path.is_file():
            raise ConfigError(f"plugins: found {file}, expected a Python file")
        known = sys.modules.get(path.stem)
        if known is None:
            _import(path)
        elif Path(known.__file__ or "").resolve() != path.resolve():
            raise ConfigError(f"plugins: {file}: a module {path.stem} is there already, expected another name")


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
