"""What every source can do: discover, lock, fetch, verify. A new archive is a new class with these methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mgi.locks.lock import ExpressionItem, ExpressionLock, ImageItem, ImageLock, Table

ItemT = TypeVar("ItemT", ExpressionItem, ImageItem, contravariant=True)
LockT = TypeVar("LockT", ExpressionLock, ImageLock)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Everything that a source shows, before any choice."""

    rows: tuple[Mapping[str, Any], ...]
    release: str | None = None
    table: Table | None = None
    simulated: bool = False
    notes: tuple[str, ...] = ()
    """What the user should know of what was left out or replaced, one line each."""


@dataclass(frozen=True, kw_only=True)
class RawEntry:
    """One verified item in place; `path` is relative to the batch index, None where a user's file is read in place.

    Its digest is the MD5 that the archive announced, or, where it announces none, the SHA-256 of what arrived.
    `members` are the files of an item in the user's folder, as path within that folder and SHA-256. `sha256` is then
    that of the only file, or of their list.
    """

    patient_id: str
    key: str
    role: str
    path: str | None
    size: int
    md5: str | None
    sha256: str | None
    n_images: int | None
    rejected: str | None = None
    """Why the content cannot serve although the bytes are right; the patient is then dropped with this reason."""
    fetched_as: str | None = None
    """The id under which the archive serves these bytes now, where `key` was superseded."""
    members: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The entry as written; `rejected`, `fetched_as` and `members` only where they say something."""
        empty = {"rejected": None, "fetched_as": None, "members": ()}
        return {name: value for name, value in vars(self).items() if name not in empty or value != empty[name]}


class Fetching(Protocol[ItemT]):
    """The half of a source that moves bytes."""

    @property
    def stores_bytes(self) -> bool:
        """Whether `fetch` writes files of about `item.size` bytes."""
        ...

    def verify(self, item: ItemT, folder: Path) -> RawEntry | None:
        """The entry of an item that is already in place and right, without asking any service; else None."""
        ...

    def fetch(self, item: ItemT, folder: Path) -> RawEntry:
        """Bring an item into place and verify it; raises NetworkError, IntegrityError or BadInputError naming it."""
        ...


class Source(Fetching[ItemT], Protocol[ItemT, LockT]):
    """A whole source."""

    def probe(self) -> str:
        """Say in a few words what is reachable; raises MgiError where nothing is."""
        ...

    def discover(self) -> Listing:
        """List everything on offer."""
        ...

    def lock(self, listing: Listing) -> LockT:
        """Choose; asks nothing."""
        ...

    def admit(self, lock: LockT) -> None:
        """Refuse a lock that this source cannot serve, before the first item."""
        ...
