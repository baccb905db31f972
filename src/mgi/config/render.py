"""What is made of the tree of sections: the schema for editors, the commented config and the reference page.

The page of the Python API, which is made of docstrings, is written with them.
"""

import json
import textwrap
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from mgi.config.api_page import api_page
from mgi.config.descriptions import described
from mgi.config.tree import Config, tree
from mgi.core.section import HEAVIEST, LARGEST, Section
from mgi.core.section_errors import options_of

WIDTH, COLUMN = 120, 32
HEAD = """\
# The run of TCGA-LGG; every key is here with its default.
# Made by 'python -m mgi config --write' from the settings classes: edit those, or a file of your own.
# A file given by --configfile is laid over this one, key by key, and needs only what differs; lists are replaced whole.
# A key that is not known is refused.
"""
PAGE = """\
# Reference: configuration

This page is made from the settings classes by `python -m mgi config --write`.

Every key with its default, which is the run of TCGA-LGG. A file given by `--configfile` is laid over
`config/config.yaml` key by key, so it needs only what differs; lists are replaced whole. A key that is not known is
refused, with the nearest known one. Where three defaults stand, they are those of `model.size` tiny, small and base.
"""
_LIMITS = {"ge": "{} or more", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}
_TYPES = {int: "integer", float: "number", str: "text", bool: "true or false", types.NoneType: "null"}


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key: its place, what it says by default, and what is known of it; `inner` are those of a nested section.

    `by_size` are its defaults by the sizes of the section, where it has such."""

    place: tuple[str, ...]
    default: Any
    required: bool
    text: str
    kind: str
    range: str
    choices: list[str]
    inner: tuple["Key", ...]
    by_size: list[Any]


def made_files() -> dict[Path, str]:
    """Every file that is made of the tree, by its path in the repository."""
    cls = described(tree())
    keys = tuple(keys_of(cls, cls()))
    return {
        Path("config/config.yaml"): HEAD + "".join("\n" + "".join(_lines((key,), 0)) for key in keys),
        Path("workflow/schemas/config.schema.yaml"): _schema(cls),
        Path("docs/reference/api.md"): api_page(),
        Path("docs/reference/config.md"): PAGE + "".join(_tables(keys, "The run", Config.__doc__ or "")),
    }


def keys_of(cls: type[Section], default: Section | None, place: tuple[str, ...] = ()) -> Iterator[Key]:
    """The keys of a section in order, with what this place says by default; None where nothing does."""
    for name, field in cls.model_fields.items():
        own = field.get_default(call_default_factory=False) if default is None else getattr(default, name)
        yield _key(field, own, (*place, name), [size[name] for size in cls.by_size.values() if name in size])


def _key(field: FieldInfo, default: Any, place: tuple[str, ...], by_size: list[Any]) -> Key:
    options = options_of(field.annotation)
    nested = next((each for each in options if isinstance(each, type) and issubclass(each, Section)), None)
    extra = field.json_schema_extra
    unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
    return Key(
        place=place,
        default=default,
        required=field.is_required(),
        text=" ".join((field.description or "").split()),
        kind=" or ".join(dict.fromkeys(filter(None, map(_word, options)))),
        range=" ".join(filter(None, [_limits(field.metadata), unit])),
        choices=[str(value) for each in options for value in _literals(each)],
        inner=tuple(keys_of(nested, default if isinstance(default, nested) else None, place)) if nested else (),
        by_size=by_size,
    )


def _limits(metadata: list[Any]) -> str:
    """Where a number may lie; the bounds that all numbers share are not repeated."""
    bounds = {name: getattr(one, name) for one in metadata for name in _LIMITS if getattr(one, name, None) is not None}
    if bounds.get("le") in (LARGEST, HEAVIEST):
        del bounds["le"]
    if {"ge", "le"} <= set(bounds):
        return f"{bounds['ge']} to {bounds['le']}"
    return ", ".join(_LIMITS[name].format(value) for name, value in bounds.items())


def _word(option: Any) -> str:
    if typing.get_origin(option) in (tuple, dict):
        return "list" if typing.get_origin(option) is tuple else "mapping"
    return "" if typing.get_origin(option) is typing.Literal else _TYPES.get(option, "section")


def _literals(option: Any) -> tuple[Any, ...]:
    if typing.get_origin(option) is tuple:
        return tuple(value for inner in options_of(typing.get_args(option)[0]) for value in _literals(inner))
    return typing.get_args(option) if typing.get_origin(option) is typing.Literal else ()


def _schema(cls: type[Config]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_untitled(cls.model_json_schema())}
    text: str = yaml.safe_dump(schema, sort_keys=False, width=WIDTH, allow_unicode=True)
    return f"# Made by 'python -m mgi config --write' from the settings classes.\n{text}"


def _untitled(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _untitled(each) for name, each in schema.items() if name != "title" or isinstance(each, dict)}


def _lines(keys: tuple[Key, ...], depth: int) -> Iterator[str]:
    """The lines of the commented config."""
    for key in keys:
        opened = key.inner and key.default is not None
        value = "" if opened else f" {_as_yaml(key.default)}"
        name = f"# {key.place[-1]}" if key.by_size else key.place[-1]  # a value here would win over the size
        yield _commented(f"{'  ' * depth}{name}:{value}", _meaning(key))
        if opened:
            yield from _lines(key.inner, depth + 1)


def _commented(entry: str, comment: str) -> str:
    start = max(COLUMN, len(entry) + 2)
    lines = textwrap.wrap(comment, WIDTH - start - 2, break_long_words=False, break_on_hyphens=False)
    first, rest = f"{entry:<{start}}# {lines[0]}\n", (f"{'':<{start}}# {line}\n" for line in lines[1:])
    return first + "".join(rest)


def _meaning(key: Key) -> str:
    """Description, choices that it does not name, range with its unit, as one sentence."""
    named = all(choice in key.text for choice in key.choices)
    closed = key.inner and key.default is None
    keys = f"keys: {', '.join(inner.place[-1] for inner in key.inner)}" if closed else ""
    sizes = f"by size: {' | '.join(map(str, key.by_size))}" if key.by_size else ""
    rest = ["" if named else " | ".join(key.choices), key.range, keys, sizes]
    return "; ".join([key.text.removesuffix("."), *filter(None, rest)])


def _tables(keys: tuple[Key, ...], name: str, text: str) -> Iterator[str]:
    """A heading and a table for a section, then for those in it."""
    yield f"\n## {name}\n\n{text}\n\n| key | default | holds | meaning |\n| --- | --- | --- | --- |\n"
    yield from (_row(key) for key in keys)
    for key in keys:
        if key.inner and (key.place[0] != "external" or len(key.place) == 1):  # its sections are those above
            yield from _tables(key.inner, f"`{'.'.join(key.place)}`", key.text)


def _row(key: Key) -> str:
    default = "required" if key.required else "a section" if key.inner and key.default is not None else ""
    if key.by_size:
        default = " \\| ".join(f"`{value}`" for value in key.by_size)
    holds = " \\| ".join(f"`{choice}`" for choice in key.choices)
    beside = key.kind in ("null", "mapping")  # of a choice or the other, and no list of such
    kind = f"{holds} or {key.kind}" if holds and beside else " of ".join(filter(None, [key.kind, holds]))
    holds = "; ".join(filter(None, [kind, key.range]))
    text = key.text.replace("|", "\\|")
    return f"| `{key.place[-1]}` | {default or f'`{_as_yaml(key.default)}`'} | {holds} | {text} |\n"


def _as_yaml(value: Any) -> str:
    """A value on one line; a text without quotes where YAML reads it back as it is."""
    if isinstance(value, Section):
        value = value.plain()
    if isinstance(value, str):
        return value if yaml.safe_load(value) == value else json.dumps(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_as_yaml, value))}]"
    return json.dumps(value)
