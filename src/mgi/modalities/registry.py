"""The modalities by name. A new one is a folder here and a line below, or a Python file that the config's `plugins`
names and that calls `register`.
"""

from collections.abc import Iterable
from importlib import import_module

from mgi.core.errors import ConfigError
from mgi.locks.settings import FetchSettings
from mgi.modalities.modality import Modality

# In the order in which cohorts and messages list them. Each module has the modality under the name MODALITY.
_NAMES = ("rna", "flair", "cn", "mutation", "methylation", "mirna", "rppa", "slides")
_BUILT_IN = {name: f"mgi.modalities.{name}.modality" for name in _NAMES}
_registered: dict[str, Modality] = {}


def register(modality: Modality) -> None:
    """Add a modality."""
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
