"""A folder of the user's with one file a slide, read in place: slides themselves, or vectors of their tiles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.locks import user_folder
from mgi.locks.item import Item, Metadata, metadata
from mgi.locks.lock import Lock, check_lock
from mgi.locks.raw_index import RawEntry
from mgi.locks.source import Listing
from mgi.modalities.slides.choice import choose_slides
from mgi.modalities.slides.slide_list import KEY as LIST_KEY
from mgi.modalities.slides.slide_list import Listed, read_slide_list
from mgi.modalities.slides.slide_names import slide_name_of

SLIDES = "slides"
FOLDER_KEY = "modalities.slides.folder"
NAMED = 3
Inspect = Callable[[Path, float | None], Metadata]
"""Reads a file as the shard will, with what the user says of its resolution, and gives what an index should have of it.

Raises BadInputError where the shard would refuse it.
"""


@dataclass(frozen=True, kw_only=True)
class SlideFolder:
    """The files below `folder` with one of these suffixes; `source` is what the settings call it, `what` in words."""

    source: str
    what: str
    folder: Path | None
    suffixes: Sequence[str]
    inspect: Inspect
    require_reader: Callable[[], None]
    is_simulated: Callable[[Path], bool] = lambda path: False
    slide_list: Path | None = None
    frozen: bool = False
    stores_bytes: bool = field(default=False, init=False)

    def probe(self) -> str:
        """How many patients have a slide."""
        self.require_reader()
        items, _ = self._items(self._present())
        n_patients = len({item.patient_id for item in items if item.chosen})
        if not n_patients:
            raise BadInputError(f"{self.folder}: {len(items)} {self.what}s, none that can be chosen")
        return f"{n_patients} patients with {len(items)} {self.what}s in {self._present().name}; no account needed"

    def discover(self) -> Listing:
        """Every file, with the digest of those that may be used."""
        folder = self._present()
        items, notes = self._items(folder)
        self.require_reader()
        rows = []
        for item in items:
            usable = item.chosen or item.runner_up is not None
            members = user_folder.hashed(folder, [item.key]) if usable else ()
            rows.append({"item": item, "digest": user_folder.digest_of(members) if members else None})
        simulated = any(self.is_simulated(folder / item.key) for item in items if item.chosen)
        return Listing(rows=tuple(rows), notes=notes, simulated=simulated)

    def lock(self, listing: Listing) -> Lock:
        """One slide a patient, with a reason for each other one."""
        items = tuple(_pinned(row["item"], row["digest"]) for row in listing.rows)
        lock = Lock(modality=SLIDES, source=self.source, simulated=listing.simulated, items=items)
        return check_lock(lock, self.check_item)

    def check_item(self, item: Item) -> None:
        """A file of the folder, pinned by its digest."""
        user_folder.check_in_folder(item)

    def check_lock(self, lock: Lock) -> None:
        """Refuse an absent folder; every file is checked against the lock on its own."""
        self._present()

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """Nothing is ever stored, so there is nothing to find."""
        return None

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Read one file whole: its digest must be the lock's, and its content such that the shard will take it."""
        root = self._present()
        members = user_folder.pinned(item, user_folder.hashed(root, [item.key]), root)
        path, found, rejected = root / item.key, metadata(), None
        try:
            found = self.inspect(path, stated_mpp(item))
        except BadInputError as error:
            rejected = str(error).removeprefix(f"{path.name}: ")
        return user_folder.entry_in_place(item, members, size=path.stat().st_size, metadata=found, rejected=rejected)

    def _present(self) -> Path:
        return user_folder.present_folder(self.folder, f"a folder of {self.what}s", key=FOLDER_KEY)

    def _items(self, folder: Path) -> tuple[tuple[Item, ...], tuple[str, ...]]:
        """Every slide with its verdict, and what else lies in the folder or is listed and does not."""
        listed = {} if self.slide_list is None else dict(read_slide_list(self.slide_list))
        names = user_folder.files_below(folder)
        slides = [name for name in names if name.lower().endswith(tuple(self.suffixes))]
        items, unnamed = [], []
        for name in slides:
            row = listed.get(name) or listed.get(name.rpartition("/")[2])
            try:
                items.append(_offered(folder, name, row))
            except BadInputError as error:
                unnamed.append(f"{name} ({error})")
        if not items:
            expected = f"files of {', '.join(self.suffixes)} whose names begin with a barcode or an id, or {LIST_KEY}"
            raise BadInputError(f"{folder}: no {self.what} of a patient among {len(names)} files, expected {expected}")
        known = {part for name in slides for part in (name, name.rpartition("/")[2])}
        others = [name for name in names if name not in set(slides)]
        notes = [
            f"{len(left)} {what}: {', '.join(left[:NAMED])}{' and others' if len(left) > NAMED else ''}"
            for what, left in (
                (f"files are no {self.what}s of {', '.join(self.suffixes)}", others),
                (f"{self.what}s name no patient and were left out", unnamed),
                (f"rows of {LIST_KEY} name no file that is there", sorted(set(listed) - known)),
            )
            if left
        ]
        return choose_slides(items, frozen=self.frozen), tuple(notes)


def _offered(folder: Path, key: str, listed: Listed | None) -> Item:
    """A file as it is offered, before any choice."""
    name = slide_name_of(key, listed.patient_id if listed else None)
    return Item(
        patient_id=name.patient_id,
        key=key,
        role=SLIDES,
        size=(folder / key).stat().st_size,
        chosen=False,
        reason="",
        sample=name.sample,
        metadata=metadata(mpp=listed.mpp if listed else None),
    )


def _pinned(item: Item, digest: str | None) -> Item:
    return item if digest is None else replace(item, digest=digest)


def stated_mpp(item: Item) -> float | None:
    """What the user's list said of a slide's resolution when the lock was made."""
    found = item.metadata.get("mpp")
    return float(found) if isinstance(found, int | float) else None
