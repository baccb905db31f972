"""What is made of the tree of sections: the schema for editors, the commented config and the reference page."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mgi.config.keys import Key, keys_of
from mgi.config.tree import Config, tree
from mgi.core.section import Section

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


def made_files() -> dict[Path, str]:
    """Every file that is made of the tree, by its path in the repository."""
    cls = tree()
    keys = tuple(keys_of(cls, cls()))
    return {
        Path("config/config.yaml"): HEAD + "".join(f"\n{line}" if starts else line for line, starts in _lines(keys, 0)),
        Path("workflow/schemas/config.schema.yaml"): _schema(cls),
        Path("docs/reference/config.md"): PAGE + "".join(_tables(keys, "The run", Config.__doc__ or "")),
    }


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


def _lines(keys: tuple[Key, ...], depth: int) -> Iterator[tuple[str, bool]]:
    """The lines of the commented config, each with whether an empty one stands before it."""
    for key in keys:
        opened = key.is_section and key.default is not None
        value = "" if opened else f" {_as_yaml(key.default)}"
        name = f"# {key.place[-1]}" if key.by_size else key.place[-1]  # a value here would win over the size
        yield _commented(f"{'  ' * depth}{name}:{value}", _meaning(key)), depth == 0
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
    closed = key.is_section and key.default is None
    keys = f"keys: {', '.join(inner.place[-1] for inner in key.inner)}" if closed else ""
    sizes = f"by size: {' | '.join(map(str, key.by_size))}" if key.by_size else ""
    rest = ["" if named else " | ".join(key.choices), _range(key), keys, sizes]
    return "; ".join([key.text.removesuffix("."), *filter(None, rest)])


def _range(key: Key) -> str:
    return " ".join(filter(None, [key.limits, key.unit]))


def _tables(keys: tuple[Key, ...], name: str, text: str) -> Iterator[str]:
    """A heading and a table for a section, then for those in it."""
    yield f"\n## {name}\n\n{text}\n\n| key | default | holds | meaning |\n| --- | --- | --- | --- |\n"
    yield from (_row(key) for key in keys)
    for key in keys:
        if key.is_section and (key.place[0] != "external" or len(key.place) == 1):  # its sections are those above
            yield from _tables(key.inner, f"`{'.'.join(key.place)}`", key.text)


def _row(key: Key) -> str:
    default = "required" if key.required else "a section" if key.is_section and key.default is not None else ""
    if key.by_size:
        default = " \\| ".join(f"`{value}`" for value in key.by_size)
    holds = " \\| ".join(f"`{choice}`" for choice in key.choices)
    holds = "; ".join(filter(None, [" of ".join(filter(None, [key.kind, holds])), _range(key)]))
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
