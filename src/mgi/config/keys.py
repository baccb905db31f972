"""The tree of sections as rows, one a key, for whatever describes it."""

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mgi.core.section import Section
from mgi.core.section_errors import options_of

_LIMITS = {"ge": "{} or more", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}
_TYPES = {int: "integer", float: "number", str: "text", bool: "true or false"}


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key: its place, what it says by default, and what is known of it; `inner` are those of a nested section.

    `by_size` are its defaults by the sizes of the section, where it has such."""

    place: tuple[str, ...]
    default: Any
    required: bool
    text: str
    kind: str
    limits: str
    unit: str
    choices: tuple[str, ...]
    inner: tuple["Key", ...]
    by_size: tuple[Any, ...]

    @property
    def is_section(self) -> bool:
        """Whether it holds further keys."""
        return bool(self.inner)


def keys_of(cls: type[BaseModel], default: BaseModel | None, place: tuple[str, ...] = ()) -> Iterator[Key]:
    """The keys of a section in order, with what this place says by default; None where nothing does."""
    for name, field in cls.model_fields.items():
        own = field.get_default(call_default_factory=False) if default is None else getattr(default, name)
        sizes = getattr(cls, "by_size", {}).values()
        yield _key(field, own, (*place, name), tuple(size[name] for size in sizes if name in size))


def _key(field: FieldInfo, default: Any, place: tuple[str, ...], by_size: tuple[Any, ...]) -> Key:
    options = options_of(field.annotation)
    nested = next((each for each in options if isinstance(each, type) and issubclass(each, Section)), None)
    inner = () if nested is None else tuple(keys_of(nested, default if isinstance(default, nested) else None, place))
    extra = field.json_schema_extra
    return Key(
        place=place,
        default=default,
        required=field.is_required(),
        text=" ".join((field.description or "").split()),
        kind=_kind(options),
        limits=_limits(field.metadata),
        unit=str(extra["unit"]) if isinstance(extra, dict) and "unit" in extra else "",
        choices=tuple(str(value) for each in options for value in _literals(each)),
        inner=inner,
        by_size=by_size,
    )


def _limits(metadata: list[Any]) -> str:
    bounds = {name: getattr(one, name) for one in metadata for name in _LIMITS if getattr(one, name, None) is not None}
    if {"ge", "le"} <= set(bounds):
        return f"{bounds['ge']} to {bounds['le']}"
    return ", ".join(_LIMITS[name].format(value) for name, value in bounds.items())


def _kind(options: list[Any]) -> str:
    words = [_word(each) for each in options]
    return " or ".join(dict.fromkeys(word for word in words if word))


def _word(option: Any) -> str:
    if option is types.NoneType:
        return "null"
    if typing.get_origin(option) is tuple:
        return "list"
    if typing.get_origin(option) is typing.Literal:
        return ""
    return _TYPES.get(option, "section")


def _literals(option: Any) -> list[Any]:
    if typing.get_origin(option) is typing.Literal:
        return list(typing.get_args(option))
    if typing.get_origin(option) is tuple:
        return [value for inner in options_of(typing.get_args(option)[0]) for value in _literals(inner)]
    return []
