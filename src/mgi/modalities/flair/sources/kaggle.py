"""Images and masks from the user's copy of the Kaggle zip, read in place and never unpacked."""

from dataclasses import dataclass
from pathlib import Path

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.file_kind import misplaced
from mgi.locks.item import Item, metadata
from mgi.locks.lock import Lock, check_lock, check_table, table_of
from mgi.locks.raw_index import RawEntry, entry_of
from mgi.locks.source import Listing, NobodyKeptError
from mgi.modalities.flair.buda import decoded, opened_buda
from mgi.modalities.flair.kaggle_tree import DATASET, PatientFolder, choose_folders
from mgi.modalities.flair.sequence import FLAIR, MASK, check_image_or_mask
from mgi.modalities.flair.sources.user_lists import MOVED

_WAYS_OUT = (
    f"expected the zip of the Kaggle dataset {DATASET} (about 0.7 GB; sign in at kaggle.com and download it); "
    f"{MOVED}; other ways are modalities.flair.source: nifti with BraTS-TCGA-LGG, dicom with the folder of "
    "a General Commons download, tcia for a collection that is open to you"
)
PUBLISHED_PATIENTS, PUBLISHED_SLICES = 110, 3_929


@dataclass(frozen=True, kw_only=True)
class KaggleImages:
    """The zip at `archive`; None or an absent file is told to the user with the ways out."""

    archive: Path | None
    stores_bytes: bool = False

    def probe(self) -> str:
        """How many patients and slices with masks the zip holds, and whether that is the published set."""
        folders = self._folders()
        verdicts = choose_folders(folders)
        used = [folder for folder in folders if verdicts[folder.name][0]]
        if not used:
            first = folders[0].name
            raise NobodyKeptError(
                f"{self.archive}: none of {len(folders)} patient folders can be used, so nobody can be kept; "
                f"{first}: {verdicts[first][1]}; expected every slice from 1 with a mask beside it"
            )
        n_slices = sum(len(folder.images) for folder in used)
        found = f"{len(used)} patients, {n_slices} slices with masks in {self._present().name}"
        return found + _against_published(len(used), n_slices)

    def discover(self) -> Listing:
        """Every patient folder of the zip."""
        return Listing(rows=tuple({"folder": folder} for folder in self._folders()), table=table_of(self._present()))

    def lock(self, listing: Listing) -> Lock:
        """One folder per patient, with a reason for every folder."""
        folders: list[PatientFolder] = [row["folder"] for row in listing.rows]
        verdicts = choose_folders(folders)
        items = tuple(_item(folder, *verdicts[folder.name]) for folder in folders)
        lock = Lock(modality=FLAIR, source="kaggle", simulated=False, table=listing.table, items=items)
        return check_lock(lock, self.check_item)

    def check_item(self, item: Item) -> None:
        """A folder is looked up in the zip and names nothing else."""
        check_image_or_mask(item)

    def check_lock(self, lock: Lock) -> None:
        """Refuse a zip that is not the locked one."""
        check_table(self._present(), lock.table)

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """Nothing is ever stored, so there is nothing to find."""
        return None

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Read and decode every slice and mask of one patient, as the shard will."""
        with opened_buda(self._present()) as archive:
            patient = archive.folders.get(item.key)
            locked = item.number("n_images")
            if patient is None or len(patient.images) != locked:
                raise IntegrityError(f"{self.archive}: folder {item.key} does not hold {locked} slices")
            try:
                files, sha256 = archive.read_files(item.key)
            except BadInputError as error:
                raise IntegrityError(str(error)) from None
        rejected = None
        try:
            decoded(files)
        except BadInputError as error:
            rejected = str(error)
        found = metadata(n_images=len(files))
        return entry_of(item, path=None, size=patient.size, sha256=sha256, metadata=found, rejected=rejected)

    def _folders(self) -> list[PatientFolder]:
        with opened_buda(self._present()) as archive:
            return list(archive.folders.values())

    def _present(self) -> Path:
        found = "nothing" if self.archive is None else misplaced(self.archive)
        if self.archive is None or found is not None:
            raise ConfigError(f"modalities.flair.archive: found {found}, {_WAYS_OUT}")
        return self.archive


def _against_published(n_patients: int, n_slices: int) -> str:
    if (n_patients, n_slices) == (PUBLISHED_PATIENTS, PUBLISHED_SLICES):
        return ", the published set"
    kind = "smaller than" if n_patients < PUBLISHED_PATIENTS or n_slices < PUBLISHED_SLICES else "not"
    return f"; {kind} the published set of {PUBLISHED_PATIENTS} patients and {PUBLISHED_SLICES} slices"


def _item(folder: PatientFolder, chosen: bool, reason: str) -> Item:
    return Item(
        patient_id=folder.patient_id,
        key=folder.name,
        role=FLAIR,
        size=folder.size,
        chosen=chosen,
        reason=reason,
        holds=(MASK,) if folder.masks else (),
        metadata=metadata(study_date=folder.study_date, n_images=len(folder.images)),
    )
