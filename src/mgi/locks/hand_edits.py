"""Checks in a lock that tell a choice made by hand from damage.

Each item has `check`, the digests of its facts and of its verdict (`chosen` and `reason`); the lock's own `check` is of
everything else and of these. Only a verdict may be changed by hand, and only where its reason says so.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mgi.core.errors import IntegrityError
from mgi.locks.item import BY_HAND

CHECK = "check"
VERDICT = ("chosen", "reason")
MEND = (
    "make the lock again with `mgi lock`; by hand only `chosen` and `reason` of an item may change, and that reason "
    f"begins with {BY_HAND.strip()!r}"
)


def with_checks(lock: Mapping[str, Any]) -> dict[str, Any]:
    """A lock as plain values, with its checks."""
    items = [{**item, CHECK: f"{_facts(item)}-{_verdict(item)}"} for item in lock["items"]]
    return {**lock, "items": items, CHECK: _of_rest(lock, items)}


def without_checks(lock: Mapping[str, Any]) -> dict[str, Any]:
    """The same without them; what is no list of items is left for who reads the fields."""
    plain = _without(lock, CHECK)
    if isinstance(items := plain.get("items"), list):
        plain["items"] = [_without(item, CHECK) if isinstance(item, dict) else item for item in items]
    return plain


def require_edits_by_hand(lock: Mapping[str, Any], path: Path | str) -> None:
    """Raise IntegrityError unless the lock is what was written but for verdicts whose reason says `by hand: `."""
    items = lock.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise IntegrityError(f"{path}: items: damaged or edited; {MEND}")
    if lock.get(CHECK) != _of_rest(lock, items):
        raise IntegrityError(f"{path}: a field of the lock, or the list of its items, was damaged or edited; {MEND}")
    edited = 0
    for item in items:
        facts, _, verdict = str(item[CHECK]).partition("-")
        if facts != _facts(item):
            raise IntegrityError(f"{path}: items: {item.get('key')!r:.80}: its facts were damaged or edited; {MEND}")
        if verdict != _verdict(item):
            edited += 1
            reason = str(item.get("reason"))
            if not (reason.startswith(BY_HAND) and reason.removeprefix(BY_HAND).strip()):
                raise IntegrityError(
                    f"{path}: items: {item.get('key')!r:.80}: chosen {item.get('chosen')!r:.20}, reason "
                    f"{item.get('reason')!r:.80}: damaged or edited; {MEND}"
                )
    if not edited:
        raise IntegrityError(f"{path}: other bytes than were written, though no choice was changed by hand; {MEND}")


def _of_rest(lock: Mapping[str, Any], items: list[dict[str, Any]]) -> str:
    return _digest({**_without(lock, CHECK), "items": [item.get(CHECK) for item in items]})


def _facts(item: Mapping[str, Any]) -> str:
    return _digest(_without(item, CHECK, *VERDICT))


def _verdict(item: Mapping[str, Any]) -> str:
    return _digest({name: item.get(name) for name in VERDICT})


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _without(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}
