"""Search of the GDC: filters, fields, expand, facets, sort and paging over a list of hits, as JSON or TSV."""

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mgi_standin.archive.folder import Row
from mgi_standin.archive.gdc_fields import groups_of, project, top_level, values_at
from mgi_standin.archive.gdc_filters import predicate_of
from mgi_standin.archive.response import Response, attachment, json_response, refusal, tsv

DEFAULT_SIZE = 10


@dataclass(frozen=True, kw_only=True)
class Index:
    """What one endpoint ("files", "annotations") can be asked for: hits with an `id`, and the fields it knows."""

    endpoint: str
    hits: list[Row]
    known: frozenset[str]


def search(index: Index, params: Mapping[str, Any]) -> Response:
    """Answer a search; unknown fields are warnings in a 200, unknown filter fields are a 400."""
    style = str(params.get("format") or "JSON").upper()
    if style not in ("JSON", "TSV"):
        raise refusal(f"format: found '{params['format']}', expected JSON or TSV")
    found = select(index, params)
    start, size = _count(params, "from", 0), _count(params, "size", DEFAULT_SIZE)
    paths, warnings = _requested(index, params)
    sort_keys, sort_text = _sorting(index, params, warnings)
    for path, descending in reversed(sort_keys):
        found = _sorted_by(found, path, descending=descending)
    hits = [project(hit, paths) for hit in found[start : start + size]]
    if style == "TSV":
        rows = [_flat(hit) for hit in hits]
        columns = sorted({key for row in rows for key in row})
        text = tsv(columns, ([row.get(key, "") for key in columns] for row in rows))
        return attachment(text, f"{index.endpoint}.tsv", "text/tab-separated-values")
    data: dict[str, Any] = {"hits": hits}
    facets = _facets(index, params, found, warnings)
    if facets:
        data["aggregations"] = facets
    data["pagination"] = {
        "count": len(hits),
        "total": len(found),
        "size": size,
        "from": start,
        "sort": sort_text,
        "page": start // size + 1 if size else 0,
        "pages": math.ceil(len(found) / size) if size else 0,
    }
    return json_response({"data": data, "warnings": warnings})


def single(index: Index, hit_id: str, params: Mapping[str, Any]) -> Response:
    """Answer for one hit of the index; 404 for an id that is not in it (a superseded one, too)."""
    for hit in index.hits:
        if hit["id"] == hit_id:
            paths, warnings = _requested(index, params)
            return json_response({"data": project(hit, paths), "warnings": warnings})
    raise refusal(f"{hit_id} not found", 404)


def select(index: Index, params: Mapping[str, Any]) -> list[Row]:
    """Return the hits that pass `filters`, which may be an object or its JSON text; all if there are none."""
    filters = params.get("filters")
    if isinstance(filters, str) and filters.strip():
        try:
            filters = json.loads(filters)
        except ValueError as error:
            raise refusal(f"filters: not JSON ({error})") from error
    passes = predicate_of(filters, index.known, index.endpoint)
    return [hit for hit in index.hits if passes(hit)]


def _names(params: Mapping[str, Any], key: str) -> list[str]:
    """Split a comma list; blanks around a name are part of it, so that such a name is unknown."""
    value = params.get(key) or ""
    return [str(name) for name in (value if isinstance(value, list) else str(value).split(",")) if name]


def _requested(index: Index, params: Mapping[str, Any]) -> tuple[set[str], dict[str, str]]:
    """Return the paths to keep, and a warning for each parameter that names something unknown."""
    warnings: dict[str, str] = {}
    paths = top_level(index.known)
    if _names(params, "fields"):
        paths = set(_known(params, "fields", index.known, warnings))
    groups = _known(params, "expand", groups_of(index.known), warnings)
    return paths | {path for path in index.known if path.rpartition(".")[0] in groups}, warnings


def _known(params: Mapping[str, Any], key: str, known: Collection[str], warnings: dict[str, str]) -> list[str]:
    """The names of a parameter that are known; the others become its warning."""
    names = _names(params, key)
    unknown = [name for name in names if name not in known]
    if unknown:
        warnings[key] = f"unrecognized values: [{', '.join(unknown)}]"
    return [name for name in names if name in known]


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


def _sorting(index: Index, params: Mapping[str, Any], warnings: dict[str, str]) -> tuple[list[tuple[str, bool]], str]:
    """Return (path, descending) pairs and the text for the pagination block; unknown paths become a warning."""
    directions: dict[str, bool] = {}
    for term in _names(params, "sort"):
        path, _, direction = term.partition(":")
        if direction not in ("", "asc", "desc"):
            raise refusal(f"sort: found '{term}', expected field:asc or field:desc")
        directions.setdefault(path, direction == "desc")
    keys = [(path, directions[path]) for path in _known({"sort": list(directions)}, "sort", index.known, warnings)]
    return keys, ",".join(f"{path}:{'desc' if descending else 'asc'}" for path, descending in keys)


def _sorted_by(hits: list[Row], path: str, *, descending: bool) -> list[Row]:
    """Sort stably by the first value at a path, numbers before text; hits without a value come last."""

    def rank(hit: Row) -> tuple[bool, float, str]:
        value = values_at(hit, path)[0]
        numeric = isinstance(value, int | float)
        return (not numeric, value if numeric else 0.0, "" if numeric else str(value))

    with_value = [hit for hit in hits if values_at(hit, path)]
    without = [hit for hit in hits if not values_at(hit, path)]
    return sorted(with_value, key=rank, reverse=descending) + without


def _facets(
    index: Index, params: Mapping[str, Any], found: list[Row], warnings: dict[str, str]
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Count hits per value of each facet, most frequent first."""
    result = {}
    for name in _known(params, "facets", index.known, warnings):
        counts = Counter(str(value) for hit in found for value in dict.fromkeys(values_at(hit, name)))
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        result[name] = {"buckets": [{"key": key, "doc_count": number} for key, number in ranked]}
    return result


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten a hit for TSV: cases.0.samples.0.submitter_id."""
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = [(str(position), item) for position, item in enumerate(value)]
    else:
        return {prefix: "" if value is None else value}
    flat: dict[str, Any] = {}
    for key, inner in parts:
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else key)
    return flat
