"""The indexes beside fetched files: what was fetched, where it lies, and what verification rejected."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import md5_of, read_json, sha256_of
from mgi.core.fingerprint import digest_of
from mgi.core.receipt import read_receipt

REQUIRED = ("patient_id", "key", "role", "path")
MAX_MEMBER_BYTES = 512 << 20


@dataclass(frozen=True, kw_only=True)
class RawItem:
    """One fetched item, pinned by sha256 or, where the archive publishes no other digest, by md5.

    `path` is None where a user's own file is read in place. `members` are the files (path relative to the user's
    folder, sha256) of an item that is read from such a folder. `rejected` is why it cannot serve.
    """

    patient_id: str
    key: str
    role: str
    path: Path | None
    sha256: str | None
    n_images: int | None
    rejected: str | None
    md5: str | None = None
    members: tuple[tuple[str, str], ...] = ()

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
        receipt = read_receipt(self.path, lambda facts: False)
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


def read_raw_indexes(paths: Iterable[Path | str], kind: str) -> dict[str, RawItem]:
    """All items of the batch indexes by key.

    Raises BadInputError where an index is of another kind, lacks a field, or a key occurs twice.
    """
    items: dict[str, RawItem] = {}
    for path in paths:
        index = read_json(path)
        if not isinstance(index, dict) or index.get("kind") != kind or not isinstance(index.get("items"), list):
            raise BadInputError(f"{path}: expected an index of kind {kind!r} with a list of items")
        for entry in index["items"]:
            item = _raw_item(entry, Path(path))
            if item.key in items:
                raise BadInputError(f"{path}: key {item.key}: listed twice, expected one fetch of it")
            items[item.key] = item
    return items


def _raw_item(entry: Any, index: Path) -> RawItem:
    if not isinstance(entry, dict) or (missing := [name for name in REQUIRED if name not in entry]):
        raise BadInputError(f"{index}: items: {'an entry' if not isinstance(entry, dict) else missing[0]}: missing")
    for name in (*REQUIRED, "sha256", "md5"):
        if not isinstance(entry.get(name), str) and (name in REQUIRED[:3] or entry.get(name) is not None):
            raise BadInputError(f"{index}: items: {name}: found {entry[name]!r}, expected text")
    path, members = entry["path"], _members(entry.get("members") or [], index)
    if path is not None and not _stays_inside(path):
        raise BadInputError(f"{index}: path {path!r}, expected a path inside of the index's folder")
    if not (entry.get("sha256") or entry.get("md5") or members):
        raise BadInputError(f"{index}: items: {entry['key']}: sha256: missing, and md5 as well; expected a digest")
    return RawItem(
        patient_id=entry["patient_id"],
        key=entry["key"],
        role=entry["role"],
        path=None if path is None else index.parent / path,
        sha256=entry.get("sha256"),
        n_images=entry.get("n_images"),
        rejected=entry.get("rejected"),
        md5=entry.get("md5"),
        members=members,
    )


def _members(given: Any, index: Path) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in given
    ):
        raise BadInputError(f"{index}: members: expected a list of [path, sha256]")
    for name, _ in given:
        if not _stays_inside(name):
            raise BadInputError(f"{index}: members: path {name!r}, expected a path inside of the user's folder")
    return tuple((name, digest) for name, digest in given)


def _stays_inside(name: str) -> bool:
    """Whether a relative path is one, on any system: none of ours is absolute, climbs or holds a backslash or NUL."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and not set(name) & {"\\", "\0"}
