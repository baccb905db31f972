"""Slides of the GDC that are not kept: each is downloaded, made into its bag, and deleted.

What was made lies beside, with a receipt which says that the slide was consumed: a rerun does not fetch it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mgi.core.computed_once import computed_once
from mgi.core.errors import BadInputError
from mgi.core.files import sha256_of
from mgi.core.receipt import forget, read_receipt, write_receipt
from mgi.http.download import partial_of
from mgi.locks.item import Item, metadata
from mgi.locks.lock import Lock
from mgi.locks.raw_index import RawEntry, entry_of
from mgi.locks.source import Listing
from mgi.modalities.slides.settings import SlidesSettings
from mgi.modalities.slides.sources.disk_room import DiskRoom
from mgi.modalities.slides.sources.folder import stated_mpp
from mgi.modalities.slides.sources.gdc import GdcSlides

AT_ONCE = 2
"""Slides of a job that lie on the disk at one time, complete or not."""
_TOLD = {"mpp": "mpp", "n_tiles": "tiles", "n_bad_tiles": "bad_tiles", "tissue_mm2": "tissue_mm2"}


@dataclass(frozen=True, kw_only=True)
class ConsumedSlides:
    """The slides of `slides`, of each of which only what the settings make of it stays."""

    slides: GdcSlides
    chosen: SlidesSettings
    # What is written is far smaller than the items: their sizes say nothing of the disk that is needed.
    stores_bytes: bool = field(default=False, init=False)
    _room: DiskRoom = field(default_factory=lambda: DiskRoom(AT_ONCE), init=False)

    def probe(self) -> str:
        """As where slides are kept."""
        return self.slides.probe()

    def discover(self) -> Listing:
        """As where slides are kept."""
        return self.slides.discover()

    def lock(self, listing: Listing) -> Lock:
        """As where slides are kept: the lock does not say whether they are."""
        return self.slides.lock(listing)

    def check_item(self, item: Item) -> None:
        """As where slides are kept."""
        self.slides.check_item(item)

    def check_lock(self, lock: Lock) -> None:
        """As where slides are kept."""
        self.slides.check_lock(lock)

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """The entry of a slide that was consumed with these settings; else None, and bytes that it has are counted."""
        path = self._path_of(item, folder)
        known = read_receipt(path, lambda known: sha256_of(path) == known.get("sha256"))
        if known is not None and known.get("consumed") == item.md5:
            self._remove(item, folder)  # killed between the receipt and the end
            return _entry(item, path, known)
        if self._bytes_of(item, folder):
            self._room.found(item.key)
        return None

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Download one slide, make its bag, and delete it; one that cannot serve leaves the reason."""
        from mgi.modalities.slides.consumed import write_consumed  # a lock needs no Arrow

        path, files = self._path_of(item, folder), self.slides.files
        has_bytes, remove = partial(self._bytes_of, item, folder), partial(self._remove, item, folder)
        with self._room.held(item.key, lambda: bool(has_bytes()), remove):
            brought = files.verify(item, folder) or files.fetch(item, folder)
            slide = brought.verified_path()
            told: dict[str, Any] = {"consumed": item.md5, "fetched_as": brought.fetched_as}
            try:
                found = self._converted(slide, item)
                told["metadata"] = {name: found.row[key] for name, key in _TOLD.items()}
            except BadInputError as error:
                found, told["rejected"] = None, str(error).removeprefix(f"{slide.name}: ")
            forget(path)
            write_consumed(path, found, self._settings(item))
            known = {**told, "sha256": sha256_of(path)}
            write_receipt(path, known)
            remove()
        return _entry(item, path, known)

    @computed_once
    def _encoder(self) -> Any:
        """The encoder, opened for the first slide: its weights may have a gigabyte, and are digested."""
        from mgi.modalities.slides.encoders import open_encoder

        return open_encoder(self.chosen, self.chosen.weights)

    def _converted(self, slide: Path, item: Item) -> Any:
        from mgi.modalities.slides.conversion import convert_slide

        return convert_slide(slide, item, self.chosen, self._encoder, source=f"md5:{item.md5}")

    def _bytes_of(self, item: Item, folder: Path) -> list[Path]:
        """What lies there of the slide itself, whole or in part."""
        whole = folder / self.slides.files.path_of(item)
        return [path for path in (whole, partial_of(whole)) if path.exists()]

    def _remove(self, item: Item, folder: Path) -> None:
        for path in self._bytes_of(item, folder):
            path.unlink()
        forget(folder / self.slides.files.path_of(item))

    def _settings(self, item: Item) -> str:
        from mgi.modalities.slides.consumed import settings_of

        return settings_of(self.chosen, stated_mpp(item))

    def _path_of(self, item: Item, folder: Path) -> Path:
        """Other settings make another file."""
        return folder / f"files/{item.md5}-{self._settings(item)}.npz"


def _entry(item: Item, path: Path, known: Mapping[str, Any]) -> RawEntry:
    """The MD5 is the slide's, size and SHA-256 are those of what was made of it."""
    return entry_of(
        item,
        path=path,
        size=path.stat().st_size,
        md5=item.md5,
        sha256=known["sha256"],
        fetched_as=None if known.get("fetched_as") == item.key else known.get("fetched_as"),
        rejected=known.get("rejected"),
        metadata=metadata(**known.get("metadata", {})),
    )
