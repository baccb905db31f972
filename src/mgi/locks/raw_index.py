"""The indexes beside fetched files: what was fetched, where it lies, and what verification rejected."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from mgi.core.errors import BadInputError
from mgi.core.files import read_json, write_json
from mgi.core.receipt import RecordedFile
from mgi.core.section import read_record
from mgi.locks.lock import Lock
from mgi.locks.raw_entry import RawEntry

FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class RawIndex:
    """What was fetched of one batch of a modality's items; paths are relative to the index where it is a file."""

    modality: str
    source: str
    items: tuple[RawEntry, ...]
    format: Literal[2] = 2


def write_raw_index(path: Path | str, modality: str, source: str, entries: Sequence[RawEntry]) -> None:
    """Write the index of one batch; the files lie beside it."""
    items = [entry.as_json(Path(path).parent) for entry in entries]
    write_json(path, {"modality": modality, "format": FORMAT, "source": source, "items": items})


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
    if isinstance(given, dict) and given.get("format") != FORMAT:
        older = "kind" in given and "format" not in given
        found = "an index of format 1, written by mgi 0.1.0;" if older else f"format: found {given.get('format')!r},"
        raise BadInputError(f"{path}: {found} expected {FORMAT}: fetch again")
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
    for item in lock.chosen:
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
