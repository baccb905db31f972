"""The indexes beside fetched files: what was fetched, where it lies, and what verification rejected."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from mgi.core.errors import BadInputError
from mgi.core.files import read_json, write_json
from mgi.core.section import read_record
from mgi.locks.raw_entry import RawEntry

FORMAT = 2


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
        for entry in read_raw_index(path, modality):
            if entry.key in entries:
                raise BadInputError(f"{path}: key {entry.key}: listed twice, expected one fetch of it")
            entries[entry.key] = entry
    return entries


def modality_of_index(path: Path | str) -> str:
    """Whose index a file is. Raises BadInputError where it is none."""
    index = _read(path)
    if not isinstance(index.get("modality"), str):
        raise BadInputError(f"{path}: modality: found {index.get('modality')!r}, expected its name")
    return str(index["modality"])


def read_raw_index(path: Path | str, modality: str | None = None) -> list[RawEntry]:
    """The entries of one index, of the given modality unless that is None.

    Raises BadInputError where it is no index, or of another format or modality.
    """
    index = _read(path)
    if modality is not None and index.get("modality") != modality:
        raise BadInputError(f"{path}: modality: found {index.get('modality')!r}, expected {modality!r}")
    return [_entry(given, Path(path)) for given in index["items"]]


def _read(path: Path | str) -> dict[str, Any]:
    index = read_json(path)
    if not isinstance(index, dict) or not isinstance(index.get("items"), list):
        raise BadInputError(f"{path}: expected an index: a list of items")
    if "kind" in index and "format" not in index:
        raise BadInputError(f"{path}: an index of format 1, written by mgi 0.1.0; expected {FORMAT}: fetch again")
    if index.get("format") != FORMAT:
        raise BadInputError(f"{path}: format: found {index.get('format')!r}, expected {FORMAT}")
    return index


def _entry(given: Any, index: Path) -> RawEntry:
    entry = read_record(RawEntry, given, f"{index}: items")
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
