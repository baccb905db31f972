"""What every source can do: discover, lock, fetch, verify. A new archive is a new class with these methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mgi.core.errors import BadInputError, ConfigError
from mgi.http.address import is_loopback
from mgi.http.service import Service
from mgi.locks.item import Item
from mgi.locks.lock import Lock, Table, read_lock
from mgi.locks.raw_index import RawEntry
from mgi.locks.samples import NO_SAMPLES, Samples


class NobodyKeptError(BadInputError):
    """A source that can be read, and of which no patient has all that a kept one needs."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Everything that a source shows, before any choice."""

    rows: tuple[Mapping[str, Any], ...]
    release: str | None = None
    table: Table | None = None
    simulated: bool = False
    notes: tuple[str, ...] = ()
    """What the user should know of what was left out or replaced, one line each."""
    samples: Samples = NO_SAMPLES
    """Which sample of a patient is preferred, so that all data of a patient are of one."""


class Source(Protocol):
    """How to list, choose, pin and move what one archive, or one file or folder of the user, has of a modality."""

    @property
    def stores_bytes(self) -> bool:
        """Whether `fetch` writes files of about `item.size` bytes; else the user's own are read in place."""
        ...

    def probe(self) -> str:
        """Say in a few words what is reachable.

        Raises MgiError where nothing is, and NobodyKeptError where it can tell that nobody will be kept.
        """
        ...

    def discover(self) -> Listing:
        """List everything on offer."""
        ...

    def lock(self, listing: Listing) -> Lock:
        """Choose; asks nothing."""
        ...

    def check_item(self, item: Item) -> None:
        """Refuse a chosen item that could not be fetched safely: keys and digests become file names and addresses."""
        ...

    def check_lock(self, lock: Lock) -> None:
        """Refuse a lock that this source cannot serve, before the first item."""
        ...

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """The entry of an item that is already in place and right, without asking any service; else None."""
        ...

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Bring an item into place and verify it; raises NetworkError, IntegrityError or BadInputError naming it."""
        ...


def follow(source: Source, path: Path | str, *, modality: str, name: str) -> Lock:
    """A lock that was made before, checked for the source of this name that is to serve it."""
    lock = read_lock(path, modality=modality, source=name, check_item=source.check_item)
    source.check_lock(lock)
    return lock


def refuse_if_nobody(lock: Lock, companions: Sequence[str], path: Path | str) -> None:
    """Raise NobodyKeptError where no patient of the lock has a chosen item with all that must come with it."""
    own = [item for item in lock.chosen if item.role == lock.modality]
    beside = {(item.patient_id, item.role) for item in lock.chosen}
    if not any(all(role in item.holds or (item.patient_id, role) in beside for role in companions) for item in own):
        wanted = " with ".join([lock.modality, *companions])
        raise NobodyKeptError(
            f"{path}: {len(own)} items of {lock.modality} chosen, and no patient has {wanted}, so nobody can be kept"
        )


def check_origin(lock: Lock, service: Service, *, simulated: bool) -> None:
    """Refuse a simulated archive's lock for a real service and the other way round; asks nothing.

    At an address of this machine that the user named either kind may answer. Raises ConfigError.
    """
    if lock.simulated == simulated or (not simulated and is_loopback(service.base_url)):
        return
    kinds = {True: "a simulated archive", False: "the real one"}
    raise ConfigError(
        f"{lock.modality} lock: made from {kinds[lock.simulated]}, but this run asks {kinds[simulated]}: "
        "make the lock again, or name no lock"
    )
