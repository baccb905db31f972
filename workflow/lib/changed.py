"""Which keys of the config differ from those that the results were made with."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SAME = ("results",)
"""Says where the results are, and is different in a folder that was moved."""
MOST_LINES = 20
MOST_SHOWN = 60
MISSING = object()


def changed_keys(recorded: Path, config: Mapping[str, Any]) -> list[str]:
    """A line for each key that was different when `recorded` was written, empty where there is no such record.

    Snakemake says of a job that its params have changed; these lines say which key did that. A record that cannot be
    read, or of an older mgi, is left to whoever reads it: the rule that writes it runs again.
    """
    try:
        before = json.loads(recorded.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(before, dict):
        return []
    before = {key: value for key, value in before.items() if key in config}
    now = {key: value for key, value in config.items() if key not in SAME}
    pairs = list(_differences({key: value for key, value in before.items() if key not in SAME}, now))
    lines = [f"config: {place}: {_shown(new)}, was {_shown(old)}" for place, old, new in pairs]
    more = [f"config: and {len(lines) - MOST_LINES} more keys"] if len(lines) > MOST_LINES else []
    said = [*lines[:MOST_LINES], *more]
    return [*said, f"config: {recorded} has what was; see 'What a change reruns' in config/README.md"] if said else []


def _differences(old: Any, new: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Place, old and new value of everything that differs, in the order of the new config."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from _differences(old.get(key, MISSING), new.get(key, MISSING), f"{place}.{key}" if place else key)
    elif old != new:
        yield place, old, new


def _shown(value: Any) -> str:
    text = "not there" if value is MISSING else json.dumps(value, sort_keys=True)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
