"""From what was measured to rows of {name, value, unit, peer, ratio}, and to a table for people.

`value` is ours, `peer` the same figure of the client or floor that the name ends with, `ratio` value / peer; both are
null where nothing stands beside ours. Repeated measurements count by their median, a floor's or a peer's ways by the
quickest.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import median
from typing import Any

Saved = Mapping[str, Any]
Row = dict[str, Any]
TARGETS = {
    "lock + fetch expression: throughput vs gdc-client": (">=", "ratio", 2.0),
    "fetch expression: wall vs floor": ("<=", "ratio", 1.5),
    "shard expression: CPU vs floor": ("<=", "value", 40.0),
    "shard expression: peak memory": ("<=", "value", 1536.0),
    "shard images: rate vs floor": (">=", "value", 300.0),
    "second fetch expression: body requests": ("<=", "value", 0),
    "second fetch images: body requests": ("<=", "value", 0),
    "second fetch, both: wall": ("<=", "value", 5.0),
}
PEERS = {"expression": "gdc-client", "images": "tcia_utils"}


def row(name: str, value: float, unit: str, peer: float | None = None) -> Row:
    """One line of the results."""
    ratio = None if not peer else round(value / peer, 3)
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "peer": None if peer is None else round(peer, 3),
        "ratio": ratio,
    }


def rows_of(saved: Saved) -> list[Row]:
    """All rows that the saved stages allow."""
    rows: list[Row] = []
    for kind in PEERS:
        rows += _fetch_rows(kind, saved)
        if f"shard-{kind}" in saved:
            rows += _shard_rows(kind, saved)
        if f"second-{kind}" in saved:
            again = saved[f"second-{kind}"]
            rows.append(row(f"second fetch {kind}: body requests", again["server"]["bodies"], "requests"))
            rows.append(row(f"second fetch {kind}: wall", again["wall_s"], "s"))
    if {"second-expression", "second-images"} <= saved.keys():
        both = sum(saved[f"second-{kind}"]["wall_s"] for kind in PEERS)
        rows.append(row("second fetch, both: wall", both, "s"))
    return rows


def _fetch_rows(kind: str, saved: Saved) -> list[Row]:
    rounds = [saved[name] for name in sorted(saved) if name.startswith(f"fetch-{kind}/round-")]
    if not rounds:
        return []
    fetches = [one["ours"]["fetch"] for one in rounds]
    mb = fetches[0]["server"]["mb"]
    whole = {
        name: _median(one["ours"]["lock"][name] + one["ours"]["fetch"][name] for one in rounds)
        for name in ("wall_s", "cpu_s")
    }
    peak = _median(one["peak_mib"] for one in fetches)
    floor = _best_floor(rounds, lambda way: "inflated" not in way)
    rows = [
        row(f"fetch {kind}: wall vs floor", _median(one["wall_s"] for one in fetches), "s", floor["wall_s"]),
        row(f"fetch {kind}: client CPU vs floor", _median(one["cpu_s"] for one in fetches), "s", floor["cpu_s"]),
        row(f"fetch {kind}: peak memory vs floor", peak, "MiB", floor["peak_mib"]),
        row(
            f"fetch {kind}: archive CPU vs floor",
            _median(one["server"]["cpu_s"] for one in fetches),
            "s",
            floor["server_cpu_s"],
        ),
        row(f"lock {kind}: wall", _median(one["ours"]["lock"]["wall_s"] for one in rounds), "s"),
    ]
    if kind == "images":
        for library in ("zlib", "isal"):
            proof = _best_floor(rounds, lambda way, library=library: way.endswith(f"inflated by {library}"))
            name = f"fetch {kind}: wall vs floor inflated by {library}"
            rows.append(row(name, rows[0]["value"], "s", proof["wall_s"]))
    ways = {name: one for name, one in saved.items() if name.startswith(f"fetch-{kind}/{PEERS[kind]}")}
    best = min(ways.values(), key=lambda one: float(one["wall_s"]), default=None)
    if best is not None:
        name = f"fetch {kind}"
        rows.append(
            row(f"lock + {name}: throughput vs {PEERS[kind]}", mb / whole["wall_s"], "MB/s", mb / best["wall_s"])
        )
        rows.append(row(f"lock + {name}: client CPU vs {PEERS[kind]}", whole["cpu_s"], "s", best["cpu_s"]))
        rows.append(row(f"{name}: peak memory vs {PEERS[kind]}", peak, "MiB", best["peak_mib"]))
    for way, one in ways.items():
        rows.append(row(f"lock + fetch {kind}: wall vs {way.partition('/')[2]}", whole["wall_s"], "s", one["wall_s"]))
    return rows


def _best_floor(rounds: list[Any], counts: Callable[[str], bool]) -> dict[str, float]:
    """The quickest of the floor's ways, each by its medians."""
    ways = []
    for way in filter(counts, rounds[0]["floor"]):
        costs = [one["floor"][way] for one in rounds]
        medians = {name: _median(cost[name] for cost in costs) for name in ("wall_s", "cpu_s", "peak_mib")}
        ways.append({**medians, "server_cpu_s": _median(cost["server"]["cpu_s"] for cost in costs)})
    return min(ways, key=lambda way: way["wall_s"])


def _shard_rows(kind: str, saved: Saved) -> list[Row]:
    ours, floor = saved[f"shard-{kind}"], saved[f"shard-{kind}/floor"]
    rows = [
        row(f"shard {kind}: wall vs floor", ours["wall_s"], "s", floor["wall_s"]),
        row(f"shard {kind}: CPU vs floor", ours["cpu_s"], "s", floor["cpu_s"]),
        row(f"shard {kind}: peak memory", ours["peak_mib"], "MiB"),
        row(f"shard {kind}: size", ours["mb"], "MB"),
    ]
    if kind == "images":
        n_slices = ours["rows"]
        rate, equal = n_slices / ours["wall_s"], saved["shard-images/equal floor"]
        rows.append(row("shard images: rate vs floor", rate, "slices/s", n_slices / floor["wall_s"]))
        rows.append(row("shard images: rate vs equal floor", rate, "slices/s", n_slices / equal["wall_s"]))
        rows.append(row("shard images: CPU vs equal floor", ours["cpu_s"], "s", equal["cpu_s"]))
    return rows


def _median(values: Iterable[float]) -> float:
    return float(median(values))


def noted(name: str, measured: Any) -> Iterator[float]:
    """Every value of this name that was noted, however deep."""
    if isinstance(measured, Mapping):
        for key, value in measured.items():
            if key == name:
                yield float(value)
            else:
                yield from noted(name, value)


def text_of(rows: list[Row]) -> str:
    """The rows as aligned text, targets beside those that have one."""
    lines = [("", "mgi", "peer", "ratio", "target")]
    for one in rows:
        peer = "" if one["peer"] is None else f"{one['peer']:.4g}"
        ratio = "" if one["ratio"] is None else f"{one['ratio']:.2f}"
        lines.append((one["name"], f"{one['value']:.4g} {one['unit']}", peer, ratio, _target(one)))
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _target(one: Row) -> str:
    if one["name"] not in TARGETS:
        return ""
    sign, field, limit = TARGETS[one["name"]]
    found = one[field]
    reached = found is not None and (found >= limit if sign == ">=" else found <= limit)
    return f"{field} {sign} {limit:g}: {'reached' if reached else 'missed'}"
