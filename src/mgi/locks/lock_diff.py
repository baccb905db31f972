"""What changed from one lock to another, in lines that a person can read before committing the newer one."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from mgi.core.errors import ConfigError
from mgi.locks.item import Item
from mgi.locks.lock import Lock

_DIGEST_SHOWN = 12


class Change(NamedTuple):
    """One item that is not the same in both locks; `key` is `old -> new` where a file was superseded."""

    patient_id: str
    kind: str
    key: str
    what: str


class LockDiff(NamedTuple):
    """`lines` are the changed fields of the locks themselves, one per change by patient, and counts at the end."""

    lines: list[str]
    changes: list[Change]
    equal: bool


def diff_locks(old: Lock, new: Lock) -> LockDiff:
    """Compare two locks of one modality.

    An item whose id went while another came for the same sample counts as superseded. Raises ConfigError where the
    modalities differ.
    """
    if old.modality != new.modality:
        raise ConfigError(f"a lock of {old.modality} and one of {new.modality}: expected two of one modality")
    before = {item.key: item for item in old.items}
    after = {item.key: item for item in new.items}
    gone, came = before.keys() - after.keys(), after.keys() - before.keys()
    superseded = _superseded([before[key] for key in gone], [after[key] for key in came])
    kept = [(before[key], after[key]) for key in before.keys() & after.keys()]
    changes = [
        *(_told("removed", before[key]) for key in gone - superseded.keys()),
        *(_told("added", after[key]) for key in came - set(superseded.values())),
        *(
            Change(
                after[now].patient_id,
                "superseded",
                f"{was} -> {now}",
                f"{after[now].sample}; {_fields(before[was], after[now]) or 'the same bytes'}",
            )
            for was, now in superseded.items()
        ),
        *(Change(now.patient_id, "changed", now.key, what) for was, now in kept if (what := _fields(was, now))),
    ]
    names = [field.name for field in dataclasses.fields(old) if field.name != "items"]
    pairs = [(name, getattr(old, name), getattr(new, name)) for name in names]
    head = [f"{name}: {_shown(name, was)} -> {_shown(name, now)}" for name, was, now in pairs if was != now]
    told = [f"{one.patient_id}  {one.kind:<10}  {one.key}  {one.what}" for one in sorted(changes)]
    kinds = Counter(change.kind for change in changes)
    counts = [f"{kinds[kind]} {kind}" for kind in ("added", "removed", "superseded", "changed")]
    n_same = sum(was == now for was, now in kept)
    last = f"{', '.join(counts)}, {n_same} the same; chosen {len(old.chosen)} -> {len(new.chosen)}"
    lines = [_printable(line) for line in (*head, *told, last)]
    return LockDiff(lines, sorted(changes), equal=not (head or changes))


def _superseded(gone: Iterable[Item], came: Iterable[Item]) -> dict[str, str]:
    """New key by old key where a sample has one file that went and one that came; image series have no sample."""
    keys: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for index, items in enumerate((gone, came)):
        for item in items:
            keys[item.sample or ""][index].append(item.key)
    return {was[0]: now[0] for sample, (was, now) in keys.items() if sample and len(was) == len(now) == 1}


def _told(kind: str, item: Item) -> Change:
    """What a new or lost item is, in a few words."""
    metadata = [f"{name} {value}" for name, value in item.metadata.items()]
    shown = ", ".join(filter(None, [item.role, item.sample, *metadata]))
    what = f"{shown}; {'chosen' if item.chosen else 'not chosen'}: {item.reason}"
    return Change(item.patient_id, kind, item.key, what)


def _fields(was: Item, now: Item) -> str:
    """The fields that differ, old and new value; empty where none does."""
    before, after = _flat(was), _flat(now)
    pairs = [(name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])]
    return ", ".join(f"{name} {_shown(name, a)} -> {_shown(name, b)}" for name, a, b in pairs if a != b)


def _flat(item: Item) -> dict[str, Any]:
    return {name: value for name, value in vars(item).items() if name not in ("key", "metadata")} | dict(item.metadata)


def _shown(name: str, value: Any) -> str:
    if name == "md5" and value:
        return f"{value[:_DIGEST_SHOWN]}…"
    if name == "table" and value is not None:
        return f"{value.name} ({value.size} bytes, sha256 {value.sha256[:_DIGEST_SHOWN]}…)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _printable(line: str) -> str:
    """One line, whatever an archive wrote into a description: no line breaks, no control codes for a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)
