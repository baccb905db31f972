"""What changed from one lock to another, in lines that a person can read before committing the newer one."""

import dataclasses
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Literal

from mgi.core.errors import ConfigError
from mgi.locks.item import Item
from mgi.locks.lock import Lock

Kind = Literal["added", "removed", "superseded", "changed"]

_DIGEST_SHOWN = 12


@dataclass(frozen=True, kw_only=True, order=True)
class Change:
    """One item that is not the same in both locks; `key` is `old -> new` where a file was superseded."""

    patient_id: str
    kind: Kind
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.patient_id}  {self.kind:<10}  {self.key}  {self.what}"


@dataclass(frozen=True, kw_only=True)
class LockDiff:
    """`head` has the changed fields of the locks themselves, `changes` are sorted by patient."""

    head: tuple[str, ...]
    changes: tuple[Change, ...]
    n_same: int
    chosen: tuple[int, int]

    @property
    def equal(self) -> bool:
        """Whether both locks say the same."""
        return not (self.head or self.changes)

    def lines(self) -> list[str]:
        """Head, one line per change, and counts in one line at the end."""
        kinds = Counter(change.kind for change in self.changes)
        counts = [f"{kinds[kind]} {kind}" for kind in ("added", "removed", "superseded", "changed")]
        before, after = self.chosen
        last = f"{', '.join(counts)}, {self.n_same} the same; chosen {before} -> {after}"
        return [_printable(line) for line in (*self.head, *map(str, self.changes), last)]


def diff_locks(old: Lock, new: Lock) -> LockDiff:
    """Compare two locks of one modality.

    An item whose id went while another came for the same sample counts as superseded. Raises ConfigError where the
    modalities differ.
    """
    if old.modality != new.modality:
        raise ConfigError(f"a lock of {old.modality} and one of {new.modality}: expected two of one modality")
    before = {item.key: item for item in old.items}
    after = {item.key: item for item in new.items}
    superseded = _superseded(before, after)
    gone = [before[key] for key in sorted(before.keys() - after.keys() - superseded.keys())]
    came = [after[key] for key in sorted(after.keys() - before.keys() - set(superseded.values()))]
    kept = [(before[key], after[key]) for key in sorted(before.keys() & after.keys())]
    changes = [
        *(_change("removed", item, item.key, _told(item)) for item in gone),
        *(_change("added", item, item.key, _told(item)) for item in came),
        *(_replaced(before[key], after[superseded[key]]) for key in sorted(superseded)),
        *(_change("changed", now, now.key, what) for was, now in kept if (what := _fields(was, now))),
    ]
    return LockDiff(
        head=tuple(_head(old, new)),
        changes=tuple(sorted(changes)),
        n_same=sum(was == now for was, now in kept),
        chosen=(sum(item.chosen for item in old.items), sum(item.chosen for item in new.items)),
    )


def _head(old: Lock, new: Lock) -> list[str]:
    names = [field.name for field in dataclasses.fields(old) if field.name != "items"]
    pairs = [(name, getattr(old, name), getattr(new, name)) for name in names]
    return [f"{name}: {_shown(name, was)} -> {_shown(name, now)}" for name, was, now in pairs if was != now]


def _superseded(before: dict[str, Item], after: dict[str, Item]) -> dict[str, str]:
    """Old key by new key where a sample has one file that went and one that came."""
    gone, came = _by_sample(before, after), _by_sample(after, before)
    return {
        gone[sample][0]: came[sample][0]
        for sample in sorted(gone.keys() & came.keys())
        if len(gone[sample]) == len(came[sample]) == 1
    }


def _by_sample(these: dict[str, Item], others: dict[str, Item]) -> dict[str, list[str]]:
    """Keys of items that only `these` have, by sample; image series have none."""
    keys = defaultdict(list)
    for key in sorted(these.keys() - others.keys()):
        if sample := these[key].sample:
            keys[sample].append(key)
    return keys


def _change(kind: Kind, item: Item, key: str, what: str) -> Change:
    return Change(patient_id=item.patient_id, kind=kind, key=key, what=what)


def _replaced(was: Item, now: Item) -> Change:
    what = f"{now.sample}; {_fields(was, now) or 'the same bytes'}"
    return _change("superseded", now, f"{was.key} -> {now.key}", what)


def _told(item: Item) -> str:
    """What a new or lost item is, in a few words."""
    facts = [f"{name} {value}" for name, value in item.facts.items()]
    shown = ", ".join([item.role, *([item.sample] if item.sample else []), *facts])
    return f"{shown}; {'chosen' if item.chosen else 'not chosen'}: {item.reason}"


def _fields(was: Item, now: Item) -> str:
    """The fields that differ, old and new value; empty where none does."""
    before, after = _flat(was), _flat(now)
    pairs = [(name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])]
    return ", ".join(f"{name} {_shown(name, a)} -> {_shown(name, b)}" for name, a, b in pairs if a != b)


def _flat(item: Item) -> dict[str, Any]:
    return {name: value for name, value in vars(item).items() if name not in ("key", "facts")} | dict(item.facts)


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
