"""Images and masks from a folder in the layout of BraTS-TCGA-LGG, read in place.

Source: Bakas et al. 2017 and the loaders of others. `<case>/<case>_YYYY.MM.DD_<kind>.nii.gz`, skull-stripped and in the
space of the SRI24 atlas. Of 65 cases 62 have a mask corrected by hand, three only the algorithm's.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mgi.core.dates import iso_date
from mgi.core.errors import BadInputError
from mgi.core.ids import patient_id_of
from mgi.locks.lock import ImageItem, ImageLock, check_lock
from mgi.locks.source import Listing, RawEntry
from mgi.locks.user_folder import digest_of, entry_of, files_below, hashed, pinned, present_folder
from mgi.modalities.flair.sources.general_commons import named

EXPECTED = (
    "the folder of BraTS-TCGA-LGG (TCIA analysis result, open; by Aspera from its page), with files like "
    "TCGA-CS-4942/TCGA-CS-4942_1997.02.22_flair.nii.gz"
)
_FILE = re.compile(
    r"(?P<case>TCGA-\w{2}-\w{4})_(?P<day>\d{4}\.\d{2}\.\d{2})_"
    r"(?P<kind>flair|t1|t1Gd|t2|GlistrBoost|GlistrBoost_ManuallyCorrected)\.nii(?:\.gz)?",
    re.IGNORECASE,
)
# Best first.
_MASKS = ("glistrboost_manuallycorrected", "glistrboost")
_FLAIR = "flair"


def gated(count_slices: Callable[[Path], int], path: Path) -> tuple[int, str | None]:
    """The number of slices, and why the header cannot be used (then 0 slices) or None."""
    try:
        return count_slices(path), None
    except BadInputError as error:
        return 0, f"header refused: {error}"


@dataclass(frozen=True, kw_only=True)
class NiftiImages:
    """The files below `folder`; `count_slices` gates a header and raises BadInputError where it cannot be used."""

    folder: Path | None
    count_slices: Callable[[Path], int]
    stores_bytes: bool = False

    def probe(self) -> str:
        """How many patients have a FLAIR, and how many of them a mask."""
        folder = present_folder(self.folder, EXPECTED)
        chosen = [item for item in self._items(folder)[0] if item.chosen]
        n_flair = sum(item.role == "flair" for item in chosen)
        n_masks = sum(item.role == "mask" for item in chosen)
        if not n_flair:
            raise BadInputError(f"{folder}: no FLAIR, expected {EXPECTED}")
        return f"{n_flair} patients with FLAIR, {n_masks} of them with a mask, in {folder.name}; no account needed"

    def discover(self) -> Listing:
        """Every file of the layout, with the digest of those that are chosen."""
        folder = present_folder(self.folder, EXPECTED)
        items, notes = self._items(folder)
        pins = {item.key: digest_of(hashed(folder, [item.key])) for item in items if item.chosen}
        rows = tuple({"item": replace(item, digest=pins.get(item.key))} for item in items)
        return Listing(rows=rows, notes=notes)

    def lock(self, listing: Listing) -> ImageLock:
        """One FLAIR and one mask of its day per patient, with a reason for every file."""
        items = tuple(row["item"] for row in listing.rows)
        lock = ImageLock(source="nifti", collection=None, simulated=False, table=None, items=items)
        check_lock(lock)
        return lock

    def admit(self, lock: ImageLock) -> None:
        """Refuse an absent folder; every file is checked against the lock on its own."""
        present_folder(self.folder, EXPECTED)

    def verify(self, item: ImageItem, folder: Path) -> RawEntry | None:
        """Nothing is ever stored, so there is nothing to find."""
        return None

    def fetch(self, item: ImageItem, folder: Path) -> RawEntry:
        """Read one file whole: its digest must be the lock's, its header usable.

        Raises IntegrityError where the file is not the locked one.
        """
        root = present_folder(self.folder, EXPECTED)
        members = pinned(item, hashed(root, [item.key]), root)
        n_images, rejected = gated(self.count_slices, root / item.key)
        return entry_of(item, members, size=(root / item.key).stat().st_size, n_images=n_images, rejected=rejected)

    def _items(self, folder: Path) -> tuple[list[ImageItem], tuple[str, ...]]:
        """Every file of the layout with its verdict, and what else lies in the folder."""
        by_patient: dict[str, list[ImageItem]] = defaultdict(list)
        strangers = []
        for name in files_below(folder):
            item = self._listed(folder, name)
            if item is None:
                strangers.append(name)
            else:
                by_patient[item.patient_id].append(item)
        items = [one for patient in sorted(by_patient) for one in choose_files(by_patient[patient])]
        notes = (f"{len(strangers)} files are not of the layout: {named(strangers)}",) if strangers else ()
        return items, notes

    def _listed(self, folder: Path, name: str) -> ImageItem | None:
        found = _FILE.fullmatch(name.rpartition("/")[2])
        if found is None:
            return None
        kind = found["kind"]
        is_other = kind.lower() not in (_FLAIR, *_MASKS)
        n_slices, fault = (0, None) if is_other else gated(self.count_slices, folder / name)
        role = "flair" if kind.lower() == _FLAIR else "mask" if kind.lower() in _MASKS else "other"
        return ImageItem(
            patient_id=patient_id_of(found["case"]),
            study_uid="",
            study_date=iso_date(found["day"]),
            key=name,
            modality="SEG" if role == "mask" else "MR",
            description=kind,
            n_images=n_slices,
            size=(folder / name).stat().st_size,
            role=role,  # type: ignore[arg-type]
            score=1.0 if role == "flair" else 0.0,
            chosen=False,
            reason=fault or f"not a FLAIR ({kind})",
        )


def choose_files(items: Sequence[ImageItem]) -> list[ImageItem]:
    """All files of one patient with their verdicts: the FLAIR of the earliest day, before it of those with a mask.

    The mask is of that day, the one corrected by hand if there is one. Of two files of one name the upper one is used.
    Where the header of a file that would be used is refused, nothing takes its place in silence: its reason says so.
    """
    days = {item.study_date for item in items if item.role == "mask"}
    flairs = sorted(
        (item for item in items if item.role == "flair"),
        key=lambda item: (item.study_date not in days, item.study_date or "", item.key.count("/"), item.key),
    )
    flair = flairs[0] if flairs else None
    masks = sorted(
        (item for item in items if item.role == "mask" and flair is not None and item.study_date == flair.study_date),
        key=lambda item: (_MASKS.index(item.description.lower()), item.key.count("/"), item.key),
    )
    return [_judged(item, flair, masks[0] if masks else None) for item in items]


def _judged(item: ImageItem, flair: ImageItem | None, mask: ImageItem | None) -> ImageItem:
    if item.role == "other":
        return item
    if flair is None:
        return replace(item, reason="no FLAIR of this patient")
    if item.study_date != flair.study_date:
        return replace(item, reason=f"other study preferred: {flair.study_date}")
    best = flair if item.role == "flair" else mask
    if best is not None and item.key != best.key:
        is_twin = item.description.lower() == best.description.lower()
        return replace(item, reason=f"{best.key if is_twin else best.description} preferred")
    if not item.n_images:
        return item
    reason = "FLAIR by name" if item.role == "flair" else f"mask of the day of the FLAIR ({item.description})"
    return replace(item, chosen=True, reason=reason)
