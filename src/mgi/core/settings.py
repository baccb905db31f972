"""Frozen settings dataclasses from JSON, refusing what they do not know."""

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from mgi.core.errors import ConfigError
from mgi.core.section import Section

T = typing.TypeVar("T")
_hints_of = functools.cache(typing.get_type_hints)  # a lock holds hundreds of items of one class


def parse(cls: type[T], given: str | Mapping[str, Any], *, where: str = "settings") -> T:
    """Build the section or dataclass `cls` from JSON text or a mapping; nested dataclasses are built too.

    Raises ConfigError naming the key where one is unknown, missing or of another type.
    """
    values = _load(given, where)
    if issubclass(cls, Section):
        return cls.read(dict(values), where=where)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = _hints_of(cls)  # type: ignore[arg-type]
    for name in values:
        if name not in fields:
            raise ConfigError(f"{where}.{name}: unknown key; known keys: {', '.join(sorted(fields))}")
    built: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            built[name] = _convert(hints[name], values[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{where}.{name}: missing")
    return cls(**built)


def _load(given: str | Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{where}: not JSON ({error})") from None
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}: found {type(given).__name__}, expected a mapping of settings")
    return given


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return parse(hint, value, where=where)
    if origin in (types.UnionType, typing.Union):
        (option,) = (each for each in typing.get_args(hint) if each is not types.NoneType)  # a type or nothing
        return None if value is None else _convert(option, value, where)
    if origin in (list, tuple):
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: found {value!r}, expected a list")
        inner = typing.get_args(hint)[0]
        return origin(_convert(inner, entry, f"{where}[{index}]") for index, entry in enumerate(value))
    if origin is typing.Literal:
        return _check(value in typing.get_args(hint), value, f"one of {list(typing.get_args(hint))}", where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in (int, float, str, bool):
        right = isinstance(value, hint) and not (hint is int and isinstance(value, bool))
        return _check(right, value, hint.__name__, where)
    return value


def _check(right: bool, value: Any, expected: str, where: str) -> Any:
    if not right:
        raise ConfigError(f"{where}: found {value!r}, expected {expected}")
    return value
