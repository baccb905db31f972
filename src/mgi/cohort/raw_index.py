"""The indexes beside fetched files: what was fetched, where it lies, and what verification rejected."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import md5_of, read_json, sha256_of

REQUIRED = ("patient_id", "key", "role", "path", "sha256")


@dataclass(frozen=True, kw_only=True)
class RawItem:
    """One fetched item; `path` is None where a user's own file is read in place, `rejected` is why it cannot serve."""

    patient_id: str
    key: str
    role: str
    path: Path | None
    sha256: str | None
    n_images: int | None
    rejected: str | None
    md5: str | None = None

    @property
    def digest(self) -> str:
        """What pins the bytes: the SHA-256 of what arrived, or else the MD5 that the archive announced."""
        return self.sha256 or self.md5 or ""

    def verified_path(self) -> Path:
        """The file, its bytes checked against the index.

        Raises IntegrityError where they differ, BadInputError where the item has no file of its own.
        """
        if self.path is None:
            raise BadInputError(f"{self.key}: has no file of its own; give the user's file as --table")
        if not self.path.is_file():
            raise IntegrityError(f"{self.path}: missing, though its index lists it; fetch again")
        name, expected = ("md5", self.md5) if self.sha256 is None else ("sha256", self.sha256)
        if (found := md5_of(self.path) if name == "md5" else sha256_of(self.path)) != expected:
            raise IntegrityError(f"{self.path}: {name} {found}, expected {expected}; delete it and fetch again")
        return self.path


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
    path = entry["path"]
    if path is not None and (Path(path).is_absolute() or ".." in Path(path).parts):
        raise BadInputError(f"{index}: path {path!r}, expected a path inside of the index's folder")
    return RawItem(
        patient_id=entry["patient_id"],
        key=entry["key"],
        role=entry["role"],
        path=None if path is None else index.parent / path,
        md5=entry.get("md5"),
        sha256=entry["sha256"],
        n_images=entry.get("n_images"),
        rejected=entry.get("rejected"),
    )
