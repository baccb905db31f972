"""GDC filters: `{"op": …, "content": …}` as a test on one hit.

A field with many values (a file of several samples) passes a positive test if one of them does, and passes
`!=`, `exclude` and `excludeifany` if none of them is listed. Values are compared case-sensitively, `*` is a wildcard.
"""

import operator
import re
from collections.abc import Callable, Collection
from typing import Any

from mgi_standin.archive.folder import Row
from mgi_standin.archive.gdc_fields import values_at
from mgi_standin.archive.response import refusal

Predicate = Callable[[Row], bool]

_ORDERED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def predicate_of(filters: Any, known: Collection[str], endpoint: str) -> Predicate:
    """Turn filters into a test on a hit; raises RefusalError (400) for an unknown field or operator.

    Fields may carry the endpoint as a prefix (files.access).
    """
    if filters in (None, "", {}):
        return lambda hit: True
    if not isinstance(filters, dict) or "op" not in filters or "content" not in filters:
        raise refusal(f"filters: expected an object with op and content, found {str(filters)[:80]}")
    operation, content = str(filters["op"]).lower(), filters["content"]
    if operation in ("and", "or"):
        tests = [predicate_of(part, known, endpoint) for part in _as_list(content)]
        enough = all if operation == "and" else any
        return lambda hit: enough(test(hit) for test in tests)
    if operation == "not" and not (isinstance(content, dict) and "field" in content):
        inner = [predicate_of(part, known, endpoint) for part in _as_list(content)]
        return lambda hit: not any(test(hit) for test in inner)
    return _field_test(operation, content, known, endpoint)


def _field_test(operation: str, content: Any, known: Collection[str], endpoint: str) -> Predicate:
    if not isinstance(content, dict) or "field" not in content:
        raise refusal(f"filters: '{operation}' needs content with a field and a value")
    field = str(content["field"]).removeprefix(f"{endpoint}.")
    if field not in known:
        raise refusal(f"filters: unknown field '{content['field']}'")
    wanted = _as_list(content.get("value"))
    if operation in ("is", "not"):
        return lambda hit: bool(values_at(hit, field)) == (operation == "not")
    if operation in ("=", "in"):
        return _any_of(field, wanted)
    if operation in ("!=", "exclude", "excludeifany"):
        listed = _any_of(field, wanted)
        return lambda hit: not listed(hit)
    if operation in _ORDERED:
        return _compared(field, _ORDERED[operation], wanted)
    raise refusal(f"filters: unknown op '{operation}'")


def _any_of(field: str, wanted: list[Any]) -> Predicate:
    texts = [_text(value) for value in wanted]
    exact = frozenset(texts)
    patterns = [_wildcard(text) for text in texts if "*" in text]

    def passes(hit: Row) -> bool:
        found = [_text(value) for value in values_at(hit, field)]
        return any(text in exact or any(pattern.fullmatch(text) for pattern in patterns) for text in found)

    return passes


def _compared(field: str, compare: Callable[[Any, Any], bool], wanted: list[Any]) -> Predicate:
    if len(wanted) != 1:
        raise refusal(f"filters: a comparison of '{field}' needs one value, found {len(wanted)}")
    limit = wanted[0]

    def passes(hit: Row) -> bool:
        return any(_ordered_pair(value, limit, compare) for value in values_at(hit, field))

    return passes


def _ordered_pair(value: Any, limit: Any, compare: Callable[[Any, Any], bool]) -> bool:
    """Compare as numbers where both read as numbers (a limit may come as a string), else as text."""
    try:
        return compare(float(value), float(limit))
    except (TypeError, ValueError):
        return compare(_text(value), _text(limit))


def _wildcard(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
