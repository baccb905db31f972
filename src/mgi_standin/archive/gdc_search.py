"""Search of the GDC: filters, fields, sort and paging over a list of hits, as JSON."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mgi_standin.archive.folder import Row
from mgi_standin.archive.gdc_fields import known_fields, project, values_at
from mgi_standin.archive.response import Response, json_response, refusal

DEFAULT_SIZE = 10


@dataclass(frozen=True)
class Index:
    """What one endpoint ("files", "annotations", "cases") can be asked for: hits with an `id`."""

    endpoint: str
    hits: list[Row]

    @cached_property
    def known(self) -> frozenset[str]:
        """The fields that a request may name."""
        return known_fields(self.endpoint, self.hits)


def search(index: Index, params: Mapping[str, Any]) -> Response:
    """Answer a search; unknown fields are warnings in a 200, unknown filter fields are a 400."""
    if str(params.get("format") or "JSON").upper() != "JSON":
        raise refusal(f"format: found '{params['format']}', expected JSON")
    passes = _filter_of(params.get("filters"), index)
    found = [hit for hit in index.hits if passes(hit)]
    start, size = _count(params, "from", 0), _count(params, "size", DEFAULT_SIZE)
    warnings: dict[str, str] = {}
    fields = _known(index, "fields", _names(params, "fields"), warnings)
    if not _names(params, "fields"):
        fields = [path for path in index.known if "." not in path]
    order = _known(index, "sort", (name.removesuffix(":asc") for name in _names(params, "sort")), warnings)
    # By the values of each field, where there are any: hits without one come last.
    found.sort(key=lambda hit: [(not values_at(hit, path), values_at(hit, path)) for path in order])
    hits = [project(hit, fields) for hit in found[start : start + size]]
    pagination = {
        "count": len(hits),
        "total": len(found),
        "size": size,
        "from": start,
        "sort": ",".join(f"{path}:asc" for path in order),
        "page": start // size + 1 if size else 0,
        "pages": math.ceil(len(found) / size) if size else 0,
    }
    return json_response({"data": {"hits": hits, "pagination": pagination}, "warnings": warnings})


def _filter_of(filters: Any, index: Index) -> Callable[[Row], bool]:
    """Turn filters `{"op": …, "content": …}`, or their JSON text, into a test on a hit: `and` of `in` and `=`.

    A field with many values (a file of several samples) passes if one of them is wanted. Values are compared as text,
    case-sensitively. Fields may carry the endpoint as a prefix (files.access). Raises RefusalError (400) for an unknown
    field or operator.
    """
    if isinstance(filters, str) and filters.strip():
        try:
            filters = json.loads(filters)
        except ValueError as error:
            raise refusal(f"filters: not JSON ({error})") from error
    if filters in (None, "", {}):
        return lambda hit: True
    if not isinstance(filters, dict) or "op" not in filters or "content" not in filters:
        raise refusal(f"filters: expected an object with op and content, found {str(filters)[:80]}")
    operation, content = str(filters["op"]).lower(), filters["content"]
    if operation == "and":
        tests = [_filter_of(part, index) for part in _as_list(content)]
        return lambda hit: all(test(hit) for test in tests)
    if operation not in ("=", "in"):
        raise refusal(f"filters: unknown op '{operation}'")
    if not isinstance(content, dict) or "field" not in content:
        raise refusal(f"filters: '{operation}' needs content with a field and a value")
    field = str(content["field"]).removeprefix(f"{index.endpoint}.")
    if field not in index.known:
        raise refusal(f"filters: unknown field '{content['field']}'")
    wanted = frozenset(map(str, _as_list(content.get("value"))))
    return lambda hit: not wanted.isdisjoint(map(str, values_at(hit, field)))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(params: Mapping[str, Any], key: str) -> list[str]:
    """Split a comma list; blanks around a name are part of it, so that such a name is unknown."""
    value = params.get(key) or ""
    return [str(name) for name in (value if isinstance(value, list) else str(value).split(",")) if name]


def _known(index: Index, key: str, names: Iterable[str], warnings: dict[str, str]) -> list[str]:
    """The names of a parameter that are known fields; the others become its warning."""
    given = list(names)
    unknown = [name for name in given if name not in index.known]
    if unknown:
        warnings[key] = f"unrecognized values: [{', '.join(unknown)}]"
    return [name for name in given if name in index.known]


def _count(params: Mapping[str, Any], key: str, default: int) -> int:
    """Read a count that may come as an integer or as its text."""
    value = params.get(key)
    if value is None or value == "":
        return default
    try:
        number = int(str(value))
    except ValueError as error:
        raise refusal(f"{key}: found '{value}', expected a whole number") from error
    if number < 0:
        raise refusal(f"{key}: found {number}, expected 0 or more")
    return number
