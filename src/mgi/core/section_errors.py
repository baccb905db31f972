"""What is wrong with a section, as one line: the key, what was found, what was expected."""

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

MOST_SHOWN = 300
_TYPES = {
    "int_type": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "string_type": "string",
    "path_type": "string",
    "bool_type": "boolean",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
}
_VALUES = {
    "finite_number": "a finite number",
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:.10g}",
    "less_than": "less than {lt:g}",
    "too_short": "at least {min_length} entry",
    "string_pattern_mismatch": "text that matches {pattern}",
}
_UNKNOWN = {"extra_forbidden", "invalid_key", "unexpected_keyword_argument"}


def in_one_line(cls: type, error: ValidationError, where: str) -> str:
    """The first thing that is wrong, unknown keys before all else; `where` is the section's own place."""
    found = sorted(error.errors(include_url=False), key=_order)[0]
    place, kind = _without_options(cls, found["loc"]), found["type"]
    if kind in _UNKNOWN:
        return _unknown_key(cls, place, where)
    if kind == "missing":
        return f"{joined(where, place)}: missing"
    if place and place[-1] == "[key]":  # of a mapping whose keys are the user's own
        return f"{joined(where, place[:-2])}: found the key {shown(found['input'])}, expected text; write it in quotes"
    context = found.get("ctx", {})
    if kind == "json_invalid":
        return f"{where}: {found['msg']}"
    if kind == "refused":
        return f"{joined(where, (*place, *filter(None, [context['key']])))}: {context['text']}"
    return f"{joined(where, place) or 'config'}: found {shown(found['input'])}, expected {_expected(cls, found, place)}"


def _order(found: ErrorDetails) -> tuple[bool, bool]:
    """Unknown keys come first; of a list where text may stand too, what is wrong with it as text comes last."""
    return found["type"] not in _UNKNOWN, found["type"] == "string_type" and isinstance(found["input"], list)


def _without_options(cls: type, place: Sequence[int | str]) -> tuple[int | str, ...]:
    """The place without the parts that name an option of a key, such as text or a list, and no key."""
    kept: list[int | str] = []
    for part in place:
        options = _options_at(cls, kept)
        keyed = any(typing.get_origin(each) is dict or _has_fields(each) for each in options)
        if keyed or isinstance(part, int) or len({*map(_kind, options)} - {types.NoneType}) < 2:
            kept.append(part)
    return tuple(kept)


def _kind(annotation: Any) -> Any:
    return typing.get_origin(annotation) or annotation


def shown(value: Any) -> str:
    """The beginning of a value as JSON, made no further than it is shown.

    A few lines of YAML with anchors stand for more than memory holds, or for a value that holds itself.
    """
    text = ""
    try:
        for part in json.JSONEncoder(default=_as_text).iterencode(value):
            text += part[: MOST_SHOWN + 1]
            if len(text) > MOST_SHOWN:
                return f"{text[:MOST_SHOWN]}…"
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} that holds itself"
    return text


def joined(where: str, place: Sequence[int | str]) -> str:
    """A place in the config, such as `runs.folds[0]`."""
    text = where
    for part in place:
        text += f"[{part}]" if isinstance(part, int) and text else f".{part}" if text else f"{part}"
    return text


def _fields_of(cls: type) -> dict[str, Any]:
    """The annotation of each field."""
    if issubclass(cls, BaseModel):
        return {name: field.annotation for name, field in cls.model_fields.items()}
    return typing.get_type_hints(cls)


def _unknown_key(cls: type, place: Sequence[int | str], where: str) -> str:
    *above, unknown = place
    section = next(each for each in _options_at(cls, above) if _has_fields(each))
    full, known = joined(where, (*above, str(unknown))), sorted(_fields_of(section))
    renamed: Mapping[str, str] = getattr(section, "renamed", {})
    if unknown in renamed:
        return f"{full}: renamed; use {joined(where, (*above, renamed[str(unknown)]))}"
    near = difflib.get_close_matches(str(unknown), known, n=1)
    beside = joined(where, (*above, *near))
    return f"{full}: unknown key; " + (f"did you mean '{beside}'?" if near else f"known keys: {', '.join(known)}")


def _expected(cls: type, found: ErrorDetails, place: Sequence[int | str]) -> str:
    kind, context = found["type"], found.get("ctx", {})
    options = _options_at(cls, place)
    or_null = " or null" if types.NoneType in options else ""
    if kind == "literal_error":
        literals = [each for each in options if typing.get_origin(each) is typing.Literal]
        values = [value for each in literals for value in typing.get_args(each)]
        return "one of " + ", ".join(map(str, values)) + or_null
    if kind in _TYPES:
        or_list = " or a list" if kind == "string_type" and tuple in map(_kind, options) else ""
        return _TYPES[kind] + or_list + or_null
    if kind == "too_short" and context["min_length"] > 1:
        return f"at least {context['min_length']} entries"
    return _VALUES[kind].format(**context) if kind in _VALUES else found["msg"]


def _options_at(cls: type, place: Sequence[int | str]) -> list[Any]:
    """What may stand at a place below `cls`: the members of its annotation, or of the entries of a list or mapping."""
    options: list[Any] = [cls]
    for part in place:
        if isinstance(part, int):
            options = [inner for each in options for entry in typing.get_args(each)[:1] for inner in options_of(entry)]
        elif named := [each for each in options if typing.get_origin(each) is dict]:
            options = [inner for each in named for inner in options_of(typing.get_args(each)[1])]
        else:
            options = options_of(_fields_of(next(each for each in options if _has_fields(each)))[part])
    return options


def options_of(annotation: Any) -> list[Any]:
    """The types that an annotation allows."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return options_of(typing.get_args(annotation)[0])
    if origin in (types.UnionType, typing.Union):
        return [option for each in typing.get_args(annotation) for option in options_of(each)]
    return [annotation]


def _has_fields(annotation: Any) -> bool:
    return isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation))


def _as_text(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
