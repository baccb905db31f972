"""Images and segmentations from an NBIA service: one zip per series, kept only when every slice is proved there."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from mgi.core.computed_once import computed_once
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import sha256_of
from mgi.core.ids import is_dicom_uid
from mgi.core.receipt import forget, read_receipt, write_receipt
from mgi.http.download import Download, download
from mgi.http.service import MissingEndpointError, Request, Service
from mgi.locks.item import Item, metadata
from mgi.locks.lock import Lock, check_lock
from mgi.locks.raw_index import RawEntry, entry_of
from mgi.locks.source import Listing, check_origin
from mgi.modalities.flair.choice import choose_flair
from mgi.modalities.flair.sequence import FLAIR, check_image_or_mask, confirm_flair, doubts_of
from mgi.modalities.flair.sources import tcia_listing
from mgi.modalities.flair.sources.dicom_check import MAX_BYTES, SeriesSummary, verify_series
from mgi.modalities.flair.sources.ownership import require_own_studies, require_owner
from mgi.modalities.flair.sources.user_lists import PatientNames, SeriesManifest, named, note_of_host

# Of a large slice, where the service does not state the size of a series.
IMAGE_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class TciaImages:
    """A collection at an NBIA service; `manifest` restricts it to listed series, `patients` tells who is who.

    Beside each `series/<SeriesInstanceUID>.zip` a `.json` records what was verified: a second run asks for nothing.
    """

    service: Service
    collection: str
    min_images: int = 15
    manifest: SeriesManifest | None = None
    patients: PatientNames = field(default_factory=PatientNames)
    simulated: bool = False
    stores_bytes: bool = True

    @computed_once
    def nbia(self) -> tcia_listing.NbiaVersions:
        """The service by the versions of its interface, which remembers what answered."""
        return tcia_listing.versions_of(self.service)

    def probe(self) -> str:
        """Which version answers and how many patients it shows; raises NetworkError where none is."""
        account = "no account needed" if self.service.credential is None else "asked with your account"
        if self.manifest is not None:
            version, rows = tcia_listing.listed_rows(self.nbia, self.manifest.series, self.collection)
            found = f"all {len(rows)} series of the manifest visible"
        else:
            version, count = tcia_listing.patient_count(self.nbia, self.collection)
            found = f"{count} patients of {self.collection} visible"
        called = "NBIA v1 (v4 does not answer)" if version == "v1" else version and f"NBIA {version}"
        return ", ".join(part for part in ("reachable", called, found, account) if part)

    def discover(self) -> Listing:
        """Every visible series of the collection, or those of the manifest."""
        if self.manifest is None:
            version, rows = tcia_listing.series_rows(self.nbia, self.collection)
            return Listing(rows=rows, release=version or None, notes=self._strangers(rows))
        version, rows = tcia_listing.listed_rows(self.nbia, self.manifest.series, self.collection)
        notes = (*self.manifest.notes, *note_of_host(self.manifest, self.service.base_url), *self._strangers(rows))
        return Listing(rows=rows, release=version or None, notes=notes)

    def lock(self, listing: Listing) -> Lock:
        """One FLAIR and the segmentations of its study per patient, with a reason for every series."""
        read = [series for row in listing.rows if (series := tcia_listing.read_series(row, self.patients)) is not None]
        require_own_studies(read, self.service.name)
        items: list[Item] = []
        for _, grouped in groupby(sorted(read, key=lambda one: (one.patient_id, one.key)), lambda one: one.patient_id):
            items += choose_flair(list(grouped), min_images=self.min_images)
        lock = Lock(
            modality=FLAIR,
            source="tcia",
            collection=self.collection,
            release=listing.release,
            simulated=self.simulated,
            items=tuple(items),
        )
        return check_lock(lock, self.check_item)

    def check_item(self, item: Item) -> None:
        """A series' UID becomes a file name and part of an address."""
        if not is_dicom_uid(item.key):
            raise BadInputError(f"items: key {item.key!r}, expected a DICOM UID (digits and points)")
        check_image_or_mask(item)

    def check_lock(self, lock: Lock) -> None:
        """Refuse a simulated archive's lock for the real service and the reverse; ask first what the lock is from."""
        check_origin(lock, self.service, simulated=self.simulated)
        self.nbia.prefer(lock.release)

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """The entry of a zip that was verified before and has not changed since."""
        summary = _recorded(self._path(item, folder))
        if summary is None or summary.n_images != item.number("n_images"):
            return None
        return self._entry(item, folder, summary)

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Download one series and prove that it is whole."""
        version, listed = tcia_listing.sop_uids(self.nbia, item.key)
        if len(listed) != (locked := item.number("n_images")):
            raise IntegrityError(
                f"{self.service.name}: series {item.key}: {len(listed)} images listed, the lock says {locked}; "
                "the archive has changed: make the lock again"
            )
        path = self._path(item, folder)
        forget(path)
        summary = self._bring(item, path, version, listed)
        write_receipt(path, asdict(summary))
        return self._entry(item, folder, summary)

    def _bring(self, item: Item, path: Path, version: str, listed: list[str]) -> SeriesSummary:
        """The zip with its digests; without them only where the service has no endpoint that gives them."""
        service = self.nbia.services[version]
        plain = Request(path="getImage", label=f"series {item.key}", params={"SeriesInstanceUID": item.key})
        proved = partial(verify_series, series=item.key, role=item.role, sop_uids=listed)

        def receive(request: Request, *, with_digests: bool = True) -> SeriesSummary:
            about = item.size or item.number("n_images") * IMAGE_BYTES  # before packing; the deadline grows with it
            wanted = Download(request=request, target=path, size=None, about=about, max_bytes=MAX_BYTES, magic=b"PK")
            return download(service, wanted, partial(proved, with_digests=with_digests))

        if version not in ("v1", "v2"):
            return receive(replace(plain, params={**plain.params, "IncludeMD5": "Yes"}))
        try:
            return receive(replace(plain, path="getImageWithMD5Hash"))
        except MissingEndpointError:
            return receive(plain, with_digests=False)

    def _strangers(self, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """What to say of patients that the user's table leaves out."""
        ids = {str(row.get("PatientID")) for row in rows} if self.patients.table is not None else set()
        unknown = sorted(found for found in ids if self.patients.patient_of(found) is None)
        return (f"{len(unknown)} patients are not in modalities.flair.patients: {named(unknown)}",) if unknown else ()

    def _path(self, item: Item, folder: Path) -> Path:
        return folder / "series" / f"{item.key}.zip"

    def _entry(self, item: Item, folder: Path, summary: SeriesSummary) -> RawEntry:
        require_owner(item, summary.patient_ids, summary.study_uids, self.patients, self.service.name)
        is_flair = item.role == FLAIR
        return entry_of(
            item,
            path=self._path(item, folder),
            size=summary.size,
            sha256=summary.sha256,
            metadata=metadata(n_images=summary.n_images),
            rejected=summary.fault or (confirm_flair(summary.tags) if is_flair else None) or summary.disorder,
            doubts=doubts_of(summary.tags) if is_flair else (),
        )


def _recorded(path: Path) -> SeriesSummary | None:
    """What was verified about a zip, if it still is that zip."""
    known = read_receipt(path, lambda known: sha256_of(path) == known.get("sha256"))
    try:
        return None if known is None else SeriesSummary(**known, size=path.stat().st_size)
    except TypeError:
        return None  # a receipt of another version proves nothing: fetch again
