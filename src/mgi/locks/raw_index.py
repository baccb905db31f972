"""What was fetched: verified items in place, and the indexes beside them, which also say what verification rejected."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import digest_of, md5_of, read_json, sha256_of, write_json
from mgi.core.receipt import RecordedFile, read_receipt
from mgi.core.section import read_record
from mgi.core.text import printable
from mgi.locks.item import Item, Metadata
from mgi.locks.lock import Lock

FORMAT = 3
BATCHES = "indexes of all batches (JSON), each by its path or all by one: batch-{batch}-of-4.json"
_OF_ALL = re.compile(r"(.*\bbatch-)\{batch\}(-of-(\d{1,4})\.json)", re.DOTALL)
MAX_MEMBER_BYTES = 512 << 20
MOST_REASON = 500


@dataclass(frozen=True, kw_only=True)
class RawEntry:
    """What was fetched of one item; `path` is None where a user's own file is read in place.

    Its digest is the MD5 that the archive announced, or, where it announces none, the SHA-256 of what arrived. Where it
    has both, the MD5 is of what arrived, and `path`, `size` and SHA-256 are of what was made of it and kept.
    `members` are the files of an item in the user's folder, as path within that folder and SHA-256. `sha256` is then
    that of the only file, or of their list. `rejected` is why the content cannot serve although the bytes are right,
    `doubts` are why another item would be better. `fetched_as` is the id under which the archive serves these bytes
    now, where `key` was superseded.
    """

    patient_id: str
    key: str
    role: str
    path: Path | None
    size: int
    md5: str | None = None
    sha256: str | None = None
    rejected: str | None = None
    doubts: tuple[str, ...] = ()
    fetched_as: str | None = None
    members: tuple[tuple[str, str], ...] = ()
    metadata: Metadata = field(default_factory=dict)

    def as_json(self, folder: Path) -> dict[str, Any]:
        """The entry as written to an index in `folder`; what says nothing is left out."""
        named = {name: value for name, value in vars(self).items() if value not in (None, (), {})}
        return {**named, "path": None if self.path is None else self.path.relative_to(folder).as_posix()}

    @property
    def digest(self) -> str:
        """What tells this item's bytes from all others: its sha256, that of its members' digests, or its md5."""
        if self.sha256:
            return self.sha256
        return digest_of(digest for _, digest in self.members) if self.members else f"md5:{self.md5}"

    def verified_path(self) -> Path:
        """The file, its bytes checked against the index; an untouched one is believed by its receipt.

        Raises IntegrityError where they differ, BadInputError where the item has no file of its own.
        """
        if self.path is None:
            raise BadInputError(f"{self.key}: has no file of its own; give the user's file as --table")
        if not self.path.is_file():
            raise IntegrityError(f"{self.path}: missing, though its index lists it; fetch again")
        name, expected = ("sha256", self.sha256) if self.sha256 else ("md5", self.md5)
        receipt = read_receipt(self.path, lambda known: False)
        if receipt is not None and receipt.get(name) == expected:
            return self.path
        found = sha256_of(self.path) if self.sha256 else md5_of(self.path)
        if found != expected:
            raise IntegrityError(f"{self.path}: {name} {found}, expected {expected}; delete it and fetch again")
        return self.path

    def verified_members(self, folder: Path) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of each file in the user's folder, one at a time, each read once and checked.

        Raises IntegrityError where a file is gone or another than when it was locked, BadInputError where the index
        lists none.
        """
        if not self.members:
            raise BadInputError(f"{self.key}: its index lists no members, expected files of the user's folder")
        for name, expected in self.members:
            path = folder / name
            if not path.is_file() or path.stat().st_size > MAX_MEMBER_BYTES:
                raise IntegrityError(f"{path}: missing or larger than 512 MB, though its index lists it; lock again")
            data = path.read_bytes()
            if (found := hashlib.sha256(data).hexdigest()) != expected:
                raise IntegrityError(
                    f"{path}: sha256 {found}, expected {expected}; it was changed, lock and fetch again"
                )
            yield name, data


def entry_of(item: Item, **fetched: Any) -> RawEntry:
    """The entry of an item with what its fetch found; a reason may quote headers and names that others wrote."""
    if fetched.get("rejected") is not None:
        fetched["rejected"] = printable(fetched["rejected"], MOST_REASON)
    return RawEntry(patient_id=item.patient_id, key=item.key, role=item.role, **fetched)


@dataclass(frozen=True, kw_only=True)
class RawIndex:
    """What was fetched of one batch of a modality's items; paths are relative to the index where it is a file."""

    modality: str
    source: str
    items: tuple[RawEntry, ...]
    format: Literal[3] = 3


def write_raw_index(path: Path | str, modality: str, source: str, entries: Sequence[RawEntry]) -> None:
    """Write the index of one batch; the files lie beside it."""
    items = [entry.as_json(Path(path).parent) for entry in entries]
    write_json(path, {"modality": modality, "format": FORMAT, "source": source, "items": items})


def all_batches(paths: Iterable[str]) -> list[str]:
    """The paths of indexes; `batch-{batch}-of-N.json` becomes those of all N batches."""
    found = []
    for path in paths:
        several = _OF_ALL.fullmatch(path)
        count = int(several[3]) if several else 1
        found += [f"{several[1]}{one}{several[2]}" if several else path for one in range(1, count + 1)]
    return found


def read_raw_indexes(paths: Iterable[Path | str], modality: str) -> dict[str, RawEntry]:
    """All entries of the batch indexes by key.

    Raises BadInputError where an index is of another modality, lacks a field, or a key occurs twice.
    """
    entries: dict[str, RawEntry] = {}
    for path in paths:
        index = read_raw_index(path)
        if index.modality != modality:
            raise BadInputError(f"{path}: modality: found {index.modality!r}, expected {modality!r}")
        for entry in index.items:
            if entry.key in entries:
                raise BadInputError(f"{path}: key {entry.key}: listed twice, expected one fetch of it")
            entries[entry.key] = entry
    return entries


def read_raw_index(path: Path | str) -> RawIndex:
    """One index, with whole paths."""
    given = read_json(path)
    if given.get("format") != FORMAT:
        raise BadInputError(f"{path}: format: found {given.get('format')!r}, expected {FORMAT}: fetch again")
    index = read_record(RawIndex, given, f"{path}: index")
    return replace(index, items=tuple(_placed(entry, Path(path)) for entry in index.items))


def promised_files(lock: Lock, indexes: Iterable[Path], folder: Path | None) -> tuple[list[RecordedFile], list[str]]:
    """The files behind the chosen items, and one line for each item without any; `folder` holds a user's own files.

    An index that an earlier lock or another number of batches left behind does not count: items are looked up by key
    and, where the lock has one, by MD5. Raises BadInputError where an index cannot be read.
    """
    entries = defaultdict(list)
    for path in indexes:
        for entry in read_raw_index(path).items:
            entries[entry.key].append(entry)
    files: dict[RecordedFile, None] = {}
    gaps = []
    for item in [*lock.chosen, *(one for one in lock.items if one.runner_up is not None and entries[one.key])]:
        right = [one for one in entries[item.key] if item.md5 is None or one.md5 == item.md5]
        if not right:
            gaps.append(f"{item.patient_id}: {item.key}: chosen by the lock, but in no index")
        for one in right:
            if one.members and folder is None:
                gaps.append(f"{item.patient_id}: {item.key}: lies in a folder of yours, which was not given")
            else:
                files |= dict.fromkeys(_files(one, folder))
    return list(files), gaps


def _files(entry: RawEntry, folder: Path | None) -> list[RecordedFile]:
    """The files of one entry: its own, the members of a user's folder, or none for a part of a user's file."""
    if folder is not None and entry.members:
        return [RecordedFile(folder / name, size=None, sha256=digest) for name, digest in entry.members]
    if entry.path is None:
        return []
    return [RecordedFile(entry.path, size=entry.size, sha256=entry.sha256, md5=entry.md5)]


def _placed(entry: RawEntry, index: Path) -> RawEntry:
    if entry.path is not None and not _stays_inside(str(entry.path)):
        raise BadInputError(f"{index}: path {str(entry.path)!r}, expected a path inside of the index's folder")
    for name, _ in entry.members:
        if not _stays_inside(name):
            raise BadInputError(f"{index}: members: path {name!r}, expected a path inside of the user's folder")
    if not (entry.sha256 or entry.md5 or entry.members):
        raise BadInputError(f"{index}: items: {entry.key}: sha256: missing, and md5 as well; expected a digest")
    return replace(entry, path=None if entry.path is None else index.parent / entry.path)


def _stays_inside(name: str) -> bool:
    """Whether a relative path is one, on any system: none of ours is absolute, climbs or holds a backslash or NUL."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and not set(name) & {"\\", "\0"}
