"""Images and masks from a folder of DICOM files, whatever their names, read in place.

The folder of a General Commons download is one of these; its manifest then says what must be in it.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from mgi.core.computed_once import computed_once
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.ids import is_dicom_uid
from mgi.locks import user_folder
from mgi.locks.item import Item, MetadataValue, metadata
from mgi.locks.lock import Lock, check_lock
from mgi.locks.raw_index import RawEntry
from mgi.locks.source import Listing, NobodyKeptError
from mgi.modalities.flair.sequence import (
    FLAIR,
    MASK,
    check_image_or_mask,
    confirm_flair,
    doubts_of,
    is_flair_by_tags,
    item_of,
)
from mgi.modalities.flair.sources.dicom_check import disorder_of, read_files
from mgi.modalities.flair.sources.dicom_series import FolderScan, FolderSeries, judge_patient, scan_folder
from mgi.modalities.flair.sources.nifti import FOLDER_KEY, gated
from mgi.modalities.flair.sources.ownership import require_owner
from mgi.modalities.flair.sources.user_lists import (
    CommonsRow,
    PatientNames,
    SeriesManifest,
    check_files,
    require_series,
)

EXPECTED = (
    "a folder of DICOM files, such as a General Commons download of TCGA-LGG (controlled access: dbGaP phs004225)"
)

# What an unnamed series is called in the lock; the selector reads it as any other name.
BY_TAGS = "axial FLAIR by its tags (the files have no name for it)"


@dataclass(frozen=True, kw_only=True)
class DicomImages:
    """The files below `folder`; `manifest` restricts it to listed series, `commons` says what a download must hold."""

    folder: Path | None
    min_images: int = 15
    patients: PatientNames = field(default_factory=PatientNames)
    manifest: SeriesManifest | None = None
    commons: tuple[CommonsRow, ...] = ()
    stores_bytes: bool = False

    def probe(self) -> str:
        """How many patients and series the folder holds, and whether all that the manifest lists is among them."""
        folder, scan = self._present(), self.scan
        if not scan.series:
            raise BadInputError(f"{folder}: no DICOM series, expected {EXPECTED}")
        patients = {series.listed.patient_id for series in scan.series.values()}
        chosen = [item for item in self._judged() if item.chosen]
        masked = {item.patient_id for item in chosen if item.role == MASK}
        if not any(item.role == FLAIR and item.patient_id in masked for item in chosen):
            n_flair = sum(item.role == FLAIR for item in chosen)
            raise NobodyKeptError(
                f"{folder}: {len(patients)} patients, {n_flair} with a FLAIR that can be used and none of them with a "
                "mask, so nobody can be kept; expected a DICOM SEG or a NIfTI label file for each"
            )
        complete = ", all of the manifest" if self.manifest is not None or self.commons else ""
        return f"{len(patients)} patients, {len(scan.series)} series in {folder.name}{complete}; no account needed"

    def discover(self) -> Listing:
        """Every series and label file with a verdict, and the digest of those that are chosen."""
        folder, scan = self._present(), self.scan
        check_files(self.commons, scan.sizes)
        rows = []
        for item in self._judged():
            if item.chosen or item.runner_up is not None:
                members = user_folder.hashed(folder, self._names_of(item))
                item = replace(item, digest=user_folder.digest_of(members))
            rows.append({"item": item})
        notes = (*scan.notes, *(self.manifest.notes if self.manifest is not None else ()))
        return Listing(rows=tuple(rows), notes=notes)

    def lock(self, listing: Listing) -> Lock:
        """One FLAIR and its masks per patient, with a reason for every series and label file."""
        items = tuple(row["item"] for row in listing.rows)
        return check_lock(Lock(modality=FLAIR, source="dicom", simulated=False, items=items), self.check_item)

    def check_item(self, item: Item) -> None:
        """A series by its UID or a label file of the folder, pinned by its digest."""
        check_image_or_mask(item)
        if is_dicom_uid(item.key):
            user_folder.check_pinned(item)
        else:
            user_folder.check_in_folder(item)

    def check_lock(self, lock: Lock) -> None:
        """Read the headers of the folder once, before the first item."""
        self.scan  # noqa: B018

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """Nothing is ever stored, so there is nothing to find."""
        return None

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Read all files of a series: their digest must be the lock's, and every image must decode."""
        root, names = self._present(), self._names_of(item)
        members = user_folder.pinned(item, user_folder.hashed(root, names), root)
        size = sum(self.scan.sizes[root / name] for name in names)
        n_images: MetadataValue = item.metadata.get("n_images")
        rejected: str | None = None
        doubts: tuple[str, ...] = ()
        if item.key in self.scan.series:
            files = ((name, (root / name).read_bytes()) for name in names)
            read = read_files(files, series=item.key, role=item.role)
            ids, studies = {one.patient_id for one in read}, {one.study_uid for one in read}
            require_owner(item, ids, studies, self.patients, str(root))
            rejected = next((one.fault for one in read if one.fault), None)
            if item.role == FLAIR:
                tags = self.scan.series[item.key].tags
                rejected, doubts = rejected or confirm_flair(tags) or disorder_of(read, item.key), doubts_of(tags)
        else:
            n_images, rejected = gated(root / item.key)
        entry = user_folder.entry_in_place(
            item, members, size=size, metadata=metadata(n_images=n_images), rejected=rejected
        )
        return replace(entry, doubts=doubts)

    def _judged(self) -> list[Item]:
        series, labels = defaultdict(list), defaultdict(list)
        for one in self.scan.series.values():
            series[one.listed.patient_id].append(_named(one))
        for label in self.scan.labels:
            labels[label.patient_id].append(label)
        return [
            item
            for patient in sorted(series)
            for item in judge_patient(series[patient], labels[patient], min_images=self.min_images)
        ]

    def _names_of(self, item: Item) -> tuple[str, ...]:
        if item.key in self.scan.series:
            return self.scan.series[item.key].names
        if item.key not in {label.name for label in self.scan.labels}:
            raise IntegrityError(f"{self.folder}: {item.key}: in the lock, but not in the folder; make the lock again")
        return (item.key,)

    @computed_once
    def scan(self) -> FolderScan:
        """The folder's headers, read once, and only the series that the manifest lists, which must be there."""
        scan = scan_folder(self._present(), self.patients)
        require_series(sorted({row.series for row in self.commons if row.series is not None}), scan.series)
        for row in self.commons:
            if row.series is not None and row.patient is not None:
                item = item_of(scan.series[row.series].listed, FLAIR, "of the manifest")
                require_owner(item, [row.patient], [], self.patients, "modalities.flair.manifest")
        if self.manifest is None:
            return scan
        require_series(self.manifest.series, scan.series)
        kept = {uid: series for uid, series in scan.series.items() if uid in set(self.manifest.series)}
        labels = tuple(label for label in scan.labels if label.series is None or label.series in kept)
        return replace(scan, series=kept, labels=labels)

    def _present(self) -> Path:
        return user_folder.present_folder(self.folder, EXPECTED, key=FOLDER_KEY)


def _named(series: FolderSeries) -> FolderSeries:
    """A series without any name, named by its tags if all three times are those of a FLAIR."""
    listed = series.listed
    if listed.description or listed.modality != "MR" or not is_flair_by_tags(series.tags):
        return series
    return replace(series, listed=replace(listed, description=BY_TAGS))
