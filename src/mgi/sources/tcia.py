"""Images and segmentations from an NBIA v4 service: one zip per series, kept only when every slice is proved there."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from mgi.core.errors import IntegrityError
from mgi.core.files import sha256_of
from mgi.sources.download import Download, download
from mgi.sources.lock import ImageItem, ImageLock, check_lock
from mgi.sources.protocol import Listing, RawEntry
from mgi.sources.receipt import forget, read_receipt, write_receipt
from mgi.sources.series_zip import MAX_BYTES, SeriesSummary, verify_series
from mgi.sources.service import Request, Service
from mgi.sources.tcia_listing import TciaSeries, patient_count, read_series, series_rows, sop_uids


class SeriesChoice(Protocol):
    """A verdict about one series."""

    @property
    def role(self) -> Literal["flair", "mask", "other"]: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def chosen(self) -> bool: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class TciaImages:
    """A collection at an NBIA service; how to choose and confirm a FLAIR is handed in.

    Zips lie at `series/<SeriesInstanceUID>.zip`; beside each a `.json` records what was verified, so that a second
    run asks for nothing.
    """

    service: Service
    collection: str
    choose: Callable[[Sequence[TciaSeries]], Sequence[SeriesChoice]]
    confirm: Callable[[Mapping[str, Any]], str | None]
    simulated: bool = False
    stores_bytes: bool = True

    def probe(self) -> str:
        """How many patients are visible without an account; raises NetworkError where none is."""
        return f"reachable, {patient_count(self.service, self.collection)} patients of {self.collection} visible"

    def discover(self) -> Listing:
        """Every visible series of the collection."""
        return Listing(rows=series_rows(self.service, self.collection))

    def lock(self, listing: Listing) -> ImageLock:
        """One FLAIR and the segmentations of its study per patient, with a reason for every series."""
        by_patient = defaultdict(list)
        for series in sorted(map(read_series, listing.rows), key=lambda one: (one.patient_id, one.key)):
            by_patient[series.patient_id].append(series)
        items = []
        for patient in sorted(by_patient):
            rivals = by_patient[patient]
            for series, verdict in zip(rivals, self.choose(rivals), strict=True):
                items.append(_item(series, verdict))
        lock = ImageLock(
            source="tcia", collection=self.collection, simulated=self.simulated, table=None, items=tuple(items)
        )
        check_lock(lock)
        return lock

    def admit(self, lock: ImageLock) -> None:
        """Nothing to refuse: every series is checked against the lock on its own."""

    def verify(self, item: ImageItem, folder: Path) -> RawEntry | None:
        """The entry of a zip that was verified before and has not changed since."""
        summary = _recorded(self._path(item, folder))
        return self._entry(item, summary) if summary is not None and summary.n_images == item.n_images else None

    def fetch(self, item: ImageItem, folder: Path) -> RawEntry:
        """Download one series and prove that it is whole."""
        listed = sop_uids(self.service, item.key)
        if len(listed) != item.n_images:
            raise IntegrityError(
                f"{self.service.name}: series {item.key}: {len(listed)} images listed, the lock says {item.n_images}; "
                "the archive has changed: make the lock again"
            )
        path = self._path(item, folder)
        params = {"SeriesInstanceUID": item.key, "IncludeMD5": "Yes"}
        wanted = Download(
            request=Request(path="getImage", label=f"series {item.key}", params=params),
            target=path,
            size=None,
            max_bytes=MAX_BYTES,
            magic=b"PK",
        )
        forget(path)
        summary = download(
            self.service,
            wanted,
            lambda part: verify_series(part, series=item.key, n_images=item.n_images, sop_uids=listed),
        )
        write_receipt(path, dataclasses.asdict(summary))
        return self._entry(item, summary)

    def _path(self, item: ImageItem, folder: Path) -> Path:
        return folder / "series" / f"{item.key}.zip"

    def _entry(self, item: ImageItem, summary: SeriesSummary) -> RawEntry:
        rejected = summary.fault or (self.confirm(summary.tags) if item.role == "flair" else None)
        return RawEntry(
            patient_id=item.patient_id,
            key=item.key,
            role=item.role,
            path=f"series/{item.key}.zip",
            size=summary.size,
            md5=None,
            sha256=summary.sha256,
            n_images=summary.n_images,
            rejected=rejected,
        )


def _item(series: TciaSeries, verdict: SeriesChoice) -> ImageItem:
    listed = {name: value for name, value in vars(series).items() if name != "third_party"}
    return ImageItem(**listed, role=verdict.role, score=verdict.score, chosen=verdict.chosen, reason=verdict.reason)


def _recorded(path: Path) -> SeriesSummary | None:
    """What was verified about a zip, if it still is that zip."""
    known = read_receipt(path, lambda facts: sha256_of(path) == facts.get("sha256"))
    try:
        return None if known is None else SeriesSummary(**known, size=path.stat().st_size)
    except TypeError:
        return None  # a receipt of another version proves nothing: fetch again
