"""Images and masks from a folder of DICOM files, whatever their names, read in place.

The folder of a General Commons download is one of these; its manifest then says what must be in it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.ids import is_dicom_uid
from mgi.locks.item import Item, facts
from mgi.locks.lock import Lock, check_lock
from mgi.locks.raw_entry import RawEntry
from mgi.locks.source import Listing
from mgi.locks.user_folder import (
    Members,
    check_in_folder,
    check_pinned,
    digest_of,
    entry_in_place,
    hashed,
    pinned,
    present_folder,
)
from mgi.modalities.flair.header import TIMES
from mgi.modalities.flair.patient_names import PatientNames
from mgi.modalities.flair.sources.dicom_check import read_file
from mgi.modalities.flair.sources.dicom_choice import judge_patient
from mgi.modalities.flair.sources.dicom_series import FolderScan, FolderSeries, scan_folder
from mgi.modalities.flair.sources.general_commons import CommonsRow, check_files, check_series, named
from mgi.modalities.flair.sources.nifti import gated
from mgi.modalities.flair.sources.series_choice import SeriesChoice
from mgi.modalities.flair.sources.series_item import FLAIR, FOLDER_KEY, check_image_or_mask
from mgi.modalities.flair.sources.tcia_listing import TciaSeries
from mgi.modalities.flair.sources.tcia_manifest import SeriesManifest

EXPECTED = (
    "a folder of DICOM files, such as a General Commons download of TCGA-LGG (controlled access: dbGaP phs004225)"
)

# What an unnamed series is called in the lock; the selector reads it as any other name.
BY_TAGS = "axial FLAIR by its tags (the files have no name for it)"


@dataclass(frozen=True, kw_only=True)
class DicomImages:
    """The files below `folder`; how to choose and confirm a FLAIR and to gate a label file's header is handed in.

    `manifest` restricts it to listed series, `commons` says which files a download must hold.
    """

    folder: Path | None
    choose: Callable[[Sequence[TciaSeries]], Sequence[SeriesChoice]]
    confirm: Callable[[Mapping[str, Any]], str | None]
    count_slices: Callable[[Path], int]
    patients: PatientNames = field(default_factory=PatientNames)
    manifest: SeriesManifest | None = None
    commons: tuple[CommonsRow, ...] = ()
    stores_bytes: bool = False
    _scanned: list[FolderScan] = field(default_factory=list)

    def probe(self) -> str:
        """How many patients and series the folder holds, and whether all that the manifest lists is among them."""
        folder, scan = self._present(), self._scan()
        if not scan.series:
            raise BadInputError(f"{folder}: no DICOM series, expected {EXPECTED}")
        patients = {series.listed.patient_id for series in scan.series.values()}
        complete = ", all of the manifest" if self.manifest is not None or self.commons else ""
        return f"{len(patients)} patients, {len(scan.series)} series in {folder.name}{complete}; no account needed"

    def discover(self) -> Listing:
        """Every series and label file with a verdict, and the digest of those that are chosen."""
        folder, scan = self._present(), self._scan()
        check_files(self.commons, scan.sizes, label="modalities.flair.manifest")
        rows = []
        for item in self._judged(scan):
            names = self._names_of(scan, item)
            rows.append({"item": replace(item, digest=digest_of(hashed(folder, names)) if item.chosen else None)})
        notes = (*scan.notes, *(self.manifest.notes if self.manifest is not None else ()))
        return Listing(rows=tuple(rows), notes=notes)

    def lock(self, listing: Listing) -> Lock:
        """One FLAIR and its masks per patient, with a reason for every series and label file."""
        items = tuple(row["item"] for row in listing.rows)
        lock = Lock(modality=FLAIR, source="dicom", simulated=False, items=items)
        check_lock(lock, self.check_item)
        return lock

    def check_item(self, item: Item) -> None:
        """A series by its UID or a label file of the folder, pinned by its digest."""
        check_image_or_mask(item)
        if is_dicom_uid(item.key):
            check_pinned(item)
        else:
            check_in_folder(item)

    def admit(self, lock: Lock) -> None:
        """Read the headers of the folder once, before the first item."""
        self._scan()

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """Nothing is ever stored, so there is nothing to find."""
        return None

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Read all files of a series: their digest must be the lock's, and every image must decode.

        Raises IntegrityError where the series is not the locked one.
        """
        root, scan = self._present(), self._scan()
        names = self._names_of(scan, item)
        members = pinned(item, hashed(root, names), root)
        size = sum(scan.sizes[root / name] for name in names)
        if item.key not in scan.series:
            return self._label_entry(item, members, root, size)
        rejected = _first_fault(root, names, item)
        if rejected is None and item.role == FLAIR:
            rejected = self.confirm(scan.series[item.key].tags)
        found = facts(n_images=item.facts.get("n_images"))
        return entry_in_place(item, members, size=size, facts=found, rejected=rejected)

    def _named(self, series: FolderSeries) -> FolderSeries:
        """A series without any name, named by its tags if all three times are those of a FLAIR."""
        listed = series.listed
        is_flair = all(series.tags.get(name) for name in TIMES) and self.confirm(series.tags) is None
        if listed.description or listed.modality != "MR" or not is_flair:
            return series
        return replace(series, listed=replace(listed, description=BY_TAGS))

    def _gated_label(self, root: Path, name: str) -> tuple[int, int, str | None]:
        return (root / name).stat().st_size, *gated(self.count_slices, root / name)

    def _label_entry(self, item: Item, members: Members, root: Path, size: int) -> RawEntry:
        n_images, rejected = gated(self.count_slices, root / item.key)
        return entry_in_place(item, members, size=size, facts=facts(n_images=n_images), rejected=rejected)

    def _judged(self, scan: FolderScan) -> list[Item]:
        series, labels = defaultdict(list), defaultdict(list)
        for one in scan.series.values():
            series[one.listed.patient_id].append(self._named(one))
        for label in scan.labels:
            labels[label.patient_id].append(label)
        root = self._present()
        return [
            item
            for patient in sorted(series)
            for item in judge_patient(series[patient], labels[patient], self.choose, partial(self._gated_label, root))
        ]

    def _names_of(self, scan: FolderScan, item: Item) -> tuple[str, ...]:
        if item.key in scan.series:
            return scan.series[item.key].names
        if item.key not in {label.name for label in scan.labels}:
            raise IntegrityError(f"{self.folder}: {item.key}: in the lock, but not in the folder; make the lock again")
        return (item.key,)

    def _scan(self) -> FolderScan:
        """The folder's headers, read once, and only the series that the manifest lists, which must be there."""
        if not self._scanned:
            scan = scan_folder(self._present(), self.patients)
            check_series(self.commons, scan.series, label="modalities.flair.manifest")
            if self.manifest is not None:
                scan = _restricted(scan, self.manifest.series)
            self._scanned.append(scan)
        return self._scanned[0]

    def _present(self) -> Path:
        return present_folder(self.folder, EXPECTED, key=FOLDER_KEY)


def _restricted(scan: FolderScan, uids: Sequence[str]) -> FolderScan:
    if missing := [uid for uid in uids if uid not in scan.series]:
        absent = f"{len(missing)} listed series are not in the folder: {named(missing)}"
        raise IntegrityError(f"modalities.flair.manifest: {absent}")
    kept = {uid: series for uid, series in scan.series.items() if uid in set(uids)}
    labels = tuple(label for label in scan.labels if label.series is None or label.series in kept)
    return replace(scan, series=kept, labels=labels)


def _first_fault(root: Path, names: Sequence[str], item: Item) -> str | None:
    """Why the shard would refuse a file of a series, or None."""
    for name in names:
        if fault := read_file((root / name).read_bytes(), name, series=item.key, role=item.role).fault:
            return fault
    return None
