"""Locks: what discovery found and what was chosen, so that a run can be repeated after the archive has changed."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from mgi.core.counts import MOST_BYTES, shown_count
from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import SEAL, sha256_of, unsealed
from mgi.core.parts import numbers_of
from mgi.core.section import read_record
from mgi.locks.hand_edits import require_edits_by_hand, with_checks, without_checks
from mgi.locks.item import Item

FORMAT = 3
ACCEPT = "make the lock again with `mgi lock`, or accept what it says with `mgi seal-lock`"
_MODALITY_OF_KIND = {"expression": "rna", "images": "flair"}  # what format 1 called them


@dataclass(frozen=True, kw_only=True)
class Table:
    """A user's file that stands in for an archive."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Everything that a source offers of one modality, one item chosen per patient at most, and what comes with it.

    `release` is what the archive called its state or its interface when it answered, `collection` the part of it that
    was asked for, `table` the user's file that was read instead.
    """

    modality: str
    source: str
    simulated: bool
    items: tuple[Item, ...]
    collection: str | None = None
    release: str | None = None
    table: Table | None = None
    format: Literal[3] = 3

    @property
    def chosen(self) -> list[Item]:
        """The chosen items by patient and key."""
        return sorted((item for item in self.items if item.chosen), key=attrgetter("patient_id", "key"))


def as_json(lock: Lock) -> dict[str, Any]:
    """The lock as written: items sorted, what says nothing left out, so that the same content gives the same bytes.

    Its checks tell a choice made by hand from damage.
    """
    items = [dataclasses.asdict(item) for item in sorted(lock.items, key=attrgetter("patient_id", "key"))]
    said = [{name: value for name, value in item.items() if value not in (None, (), {})} for item in items]
    return with_checks({**dataclasses.asdict(lock), "items": said})


def read_lock(
    path: Path | str,
    *,
    modality: str | None = None,
    source: str | None = None,
    check_item: Callable[[Item], None] = lambda item: None,
    sealed: bool = True,
) -> Lock:
    """Read and check a lock, of the given modality and source unless they are None; `check_item` as in check_lock.

    Raises BadInputError naming the file and the field, IntegrityError where it is not what was written but for choices
    made `by hand: `, and ConfigError where the lock belongs to another source. One that is not `sealed` is believed.
    """
    given, text = _read_once(path)
    if not isinstance(given, dict):
        raise BadInputError(f"{path}: found {type(given).__name__}, expected a lock (an object with items)")
    _check_format(path, given)
    if modality is not None and given.get("modality") != modality:
        raise BadInputError(f"{path}: modality: found {given.get('modality')!r}, expected {modality!r}")
    if source is not None and given.get("source") != source:
        found = given.get("source")
        raise ConfigError(f"{path}: a lock of source {found!r}, but the configuration says source: {source}")
    plain = without_checks({name: value for name, value in given.items() if name != SEAL})
    lock = read_record(Lock, plain, f"{path}: lock")
    if sealed:
        _require_seal(given, path, text)
    try:
        return check_lock(lock, check_item)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from None


def _read_once(path: Path | str) -> tuple[Any, str]:
    """The parsed file and its text; a name written twice would silently lose one of its values."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(name for name, _ in pairs)
        if twice := sorted(name for name, count in counts.items() if count > 1):
            raise BadInputError(f"{path}: {twice[0]} is written twice in one block, expected once")
        return dict(pairs)

    try:
        text = Path(path).read_text(encoding="utf-8")
        if text.strip():
            given = json.loads(text, object_pairs_hook=unique)
            # What could be read but not written again: NaN, halves of characters.
            json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
            return given, text
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not JSON ({error})") from None
    raise BadInputError(f"{path}: empty, expected a lock")


def _require_seal(given: dict[str, Any], path: Path | str, text: str) -> None:
    """Refuse a lock that is not what was written, choices made by hand aside."""
    try:
        unsealed(given, path, ACCEPT, text)
    except IntegrityError:
        require_edits_by_hand({name: value for name, value in given.items() if name != SEAL}, path)


def _check_format(path: Path | str, given: dict[str, Any]) -> None:
    found = given.get("format")
    if found in (1, 2):
        modality = _MODALITY_OF_KIND.get(str(given.get("kind")), given.get("modality"))
        advice = f"expected format {FORMAT}: make it again with `mgi lock --modality {modality}`"
        raise BadInputError(f"{path}: a lock of format {found}, written before mgi 0.2.0; {advice}")
    if found != FORMAT:
        raise BadInputError(f"{path}: format: found {found!r}, expected {FORMAT}")


def check_lock(lock: Lock, check_item: Callable[[Item], None] = lambda item: None) -> Lock:
    """The lock, unless a fetch could not follow it safely; `check_item` is the source's own check of a chosen item.

    A runner-up may be fetched too, so it is checked like a chosen item. Raises BadInputError where nothing is chosen, a
    key repeats, or a patient has two chosen items, companions aside.
    """
    if twice := _repeated(item.key for item in lock.items):
        raise BadInputError(f"items: key {twice} occurs twice, expected unique keys")
    if not lock.chosen:
        reasons = sorted({item.reason for item in lock.items})[:5]
        why = "; ".join(reasons) or f"the source {lock.source} lists nothing for {lock.modality}"
        raise BadInputError(f"items: none of {len(lock.items)} is chosen ({why})")
    if twice := _repeated(item.patient_id for item in lock.chosen if item.role == lock.modality):
        raise BadInputError(f"items: {twice} has two chosen items, expected one per patient")
    for item in lock.items:
        if not item.chosen and item.runner_up is None:
            continue
        if not 0 <= item.size <= MOST_BYTES:
            raise BadInputError(f"items: {item.key}: size {shown_count(item.size)}, expected 0 to {MOST_BYTES} bytes")
        check_item(item)
    return lock


def table_of(path: Path) -> Table:
    """Name, size and SHA-256 of a file; the name without its folder, which differs between machines."""
    return Table(name=path.name, sha256=sha256_of(path), size=path.stat().st_size)


def check_table(path: Path, locked: Table | None) -> Table:
    """The file's identity, which must be the locked one whatever its name is here.

    Raises IntegrityError where size or digest differ, BadInputError where the lock names no file.
    """
    if locked is None:
        raise BadInputError(f"{path}: the lock names no table, expected its sha256 and size")
    size = path.stat().st_size
    found = table_of(path) if size == locked.size else None
    if found is None or found.sha256 != locked.sha256:
        digest = found.sha256 if found else "another"
        raise IntegrityError(
            f"{path}: {size} bytes, sha256 {digest}; the lock was made from {locked.name}, {locked.size} bytes, sha256 "
            f"{locked.sha256}: make the lock again"
        )
    return found


def _repeated(names: Iterable[str]) -> str | None:
    """The first of the names that occur more than once, in sorted order."""
    return min((name for name, count in Counter(names).items() if count > 1), default=None)


def batch_of(chosen: Sequence[Item], batch: str) -> list[Item]:
    """The items of one batch: `2-of-4` holds every fourth of a lock's chosen items, from the second.

    Raises ConfigError where `batch` is not I-of-N.
    """
    one, count = numbers_of(batch, "batch")
    return list(chosen[one - 1 :: count])
