"""One verified item in place, as its source leaves it and as the stages behind it read it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import digest_of, md5_of, sha256_of
from mgi.core.receipt import read_receipt
from mgi.locks.item import Item, Metadata

MAX_MEMBER_BYTES = 512 << 20


@dataclass(frozen=True, kw_only=True)
class RawEntry:
    """What was fetched of one item; `path` is None where a user's own file is read in place.

    Its digest is the MD5 that the archive announced, or, where it announces none, the SHA-256 of what arrived.
    `members` are the files of an item in the user's folder, as path within that folder and SHA-256. `sha256` is then
    that of the only file, or of their list. `rejected` is why the content cannot serve although the bytes are right;
    `fetched_as` the id under which the archive serves these bytes now, where `key` was superseded.
    """

    patient_id: str
    key: str
    role: str
    path: Path | None
    size: int
    md5: str | None = None
    sha256: str | None = None
    rejected: str | None = None
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
    """The entry of an item with what its fetch found."""
    return RawEntry(patient_id=item.patient_id, key=item.key, role=item.role, **fetched)
