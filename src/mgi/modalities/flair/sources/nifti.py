"""Images and masks from a folder in the layout of BraTS-TCGA-LGG, read in place.

Source: Bakas et al. 2017 and the loaders of others. `<case>/<case>_YYYY.MM.DD_<kind>.nii.gz`, skull-stripped and in the
space of the SRI24 atlas. Of 65 cases 62 have a mask corrected by hand, three only the algorithm's. The files of a
cohort of one's own are `<id>_flair.nii.gz` and `<id>_mask.nii.gz` or `_seg.nii.gz`, with a day before that or without.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from mgi.core.dates import iso_date
from mgi.core.errors import BadInputError
from mgi.core.files import sha256_of
from mgi.core.ids import is_patient_id, patient_id_of
from mgi.locks import user_folder
from mgi.locks.item import Item, metadata
from mgi.locks.lock import Lock, check_lock
from mgi.locks.raw_index import RawEntry
from mgi.locks.source import Listing, NobodyKeptError
from mgi.modalities.flair.nifti import count_slices, read_image
from mgi.modalities.flair.sequence import FLAIR, MASK, OTHER, check_image_or_mask
from mgi.modalities.flair.sources.user_lists import named
from mgi.shards.grey_scale import require_scale

EXPECTED = (
    "the folder of BraTS-TCGA-LGG (TCIA analysis result, open; by Aspera from its page), with files like "
    "TCGA-CS-4942/TCGA-CS-4942_1997.02.22_flair.nii.gz"
)
_FILE = re.compile(
    r"(?P<case>[A-Za-z0-9][A-Za-z0-9._-]*?)(?:_(?P<day>\d{4}\.\d{2}\.\d{2}))?_"
    r"(?P<kind>flair|t1|t1Gd|t1ce|t2|GlistrBoost|GlistrBoost_ManuallyCorrected|mask|seg)\.nii(?:\.gz)?",
    re.IGNORECASE,
)
FOLDER_KEY = "modalities.flair.folder"
# Best first.
_MASKS = ("glistrboost_manuallycorrected", "glistrboost", "mask", "seg")


def gated(path: Path) -> tuple[int, str | None]:
    """The number of slices, and why the header cannot be used (then 0 slices) or None."""
    try:
        return count_slices(path), None
    except BadInputError as error:
        return 0, f"header refused: {error}"


def voxel_fault(path: Path) -> str | None:
    """Why the voxels of an image are refused, as the shard will refuse them, or None."""
    try:
        require_scale(read_image(path.read_bytes(), path.name).voxels, path.name)
    except BadInputError as error:
        return str(error)
    return None


@dataclass(frozen=True, kw_only=True)
class NiftiImages:
    """The files below `folder`."""

    folder: Path | None
    stores_bytes: bool = False

    def probe(self) -> str:
        """How many patients have a FLAIR, and how many of them a mask."""
        folder = user_folder.present_folder(self.folder, EXPECTED, key=FOLDER_KEY)
        chosen = [item for item in self._items(folder)[0] if item.chosen]
        n_flair = sum(item.role == FLAIR for item in chosen)
        n_masks = sum(item.role == MASK for item in chosen)
        if not n_flair:
            raise BadInputError(f"{folder}: no FLAIR, expected {EXPECTED}")
        if not n_masks:
            raise NobodyKeptError(
                f"{folder}: {n_flair} patients with FLAIR and none of them with a mask, so nobody can be kept; "
                "expected <case>_mask.nii.gz, <case>_seg.nii.gz or of BraTS-TCGA-LGG beside those of the FLAIR"
            )
        return f"{n_flair} patients with FLAIR, {n_masks} of them with a mask, in {folder.name}; no account needed"

    def discover(self) -> Listing:
        """Every file of the layout, with the digest of those that are chosen."""
        folder = user_folder.present_folder(self.folder, EXPECTED, key=FOLDER_KEY)
        items, notes = self._items(folder)
        hashed = {item.key: user_folder.hashed(folder, [item.key]) for item in items if item.chosen}
        pins = {key: user_folder.digest_of(members) for key, members in hashed.items()}
        rows = tuple({"item": replace(item, digest=pins.get(item.key))} for item in items)
        return Listing(rows=rows, notes=notes)

    def lock(self, listing: Listing) -> Lock:
        """One FLAIR and one mask of its day per patient, with a reason for every file."""
        items = tuple(row["item"] for row in listing.rows)
        return check_lock(Lock(modality=FLAIR, source="nifti", simulated=False, items=items), self.check_item)

    def check_item(self, item: Item) -> None:
        """A file of the folder, pinned by its digest."""
        user_folder.check_in_folder(item)
        check_image_or_mask(item)

    def check_lock(self, lock: Lock) -> None:
        """Refuse an absent folder; every file is checked against the lock on its own."""
        user_folder.present_folder(self.folder, EXPECTED, key=FOLDER_KEY)

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """Nothing is ever stored, so there is nothing to find."""
        return None

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Read one file whole: its digest must be the lock's, its header usable, an image one with a grey scale."""
        root = user_folder.present_folder(self.folder, EXPECTED, key=FOLDER_KEY)
        members = user_folder.pinned(item, user_folder.hashed(root, [item.key]), root)
        n_slices, rejected = gated(root / item.key)
        if rejected is None and item.role == FLAIR:
            rejected = voxel_fault(root / item.key)
        size = (root / item.key).stat().st_size
        return user_folder.entry_in_place(
            item, members, size=size, metadata=metadata(n_images=n_slices), rejected=rejected
        )

    def _items(self, folder: Path) -> tuple[list[Item], tuple[str, ...]]:
        """Every file of the layout with its verdict, and what else lies in the folder."""
        by_patient: dict[str, list[Item]] = defaultdict(list)
        strangers = []
        for name in user_folder.files_below(folder):
            item = self._listed(folder, name)
            if item is None:
                strangers.append(name)
            else:
                by_patient[item.patient_id].append(item)
        digest = cache(lambda key: sha256_of(folder / key))
        items = [one for patient in sorted(by_patient) for one in choose_files(by_patient[patient], digest)]
        notes = (f"{len(strangers)} files are not of the layout: {named(strangers)}",) if strangers else ()
        return items, notes

    def _listed(self, folder: Path, name: str) -> Item | None:
        found = _FILE.fullmatch(name.rpartition("/")[2])
        if found is None or not is_patient_id(found["case"]):
            return None
        kind = found["kind"]
        role = FLAIR if kind.lower() == FLAIR else MASK if kind.lower() in _MASKS else OTHER
        n_slices, fault = (0, None) if role == OTHER else gated(folder / name)
        return Item(
            patient_id=patient_id_of(found["case"]),
            key=name,
            role=role,
            size=(folder / name).stat().st_size,
            chosen=False,
            reason=fault or f"not a FLAIR ({kind})",
            metadata=metadata(
                study_date=iso_date(found["day"]) if found["day"] else None, description=kind, n_images=n_slices
            ),
        )


def choose_files(items: Sequence[Item], digest: Callable[[str], str] = str) -> list[Item]:
    """All files of one patient with their verdicts: the FLAIR of the earliest day, before it of those with a mask.

    The mask is of that day, the one corrected by hand if there is one. Of two files of one name the upper one is used;
    at one height neither is, unless `digest` of their keys says that they are copies. Where the header of a file that
    would be used is refused, nothing takes its place in silence: its reason says so.
    """
    days = {_day(item) for item in items if item.role == MASK}
    images = _first(
        [item for item in items if item.role == FLAIR],
        lambda item: (_day(item) not in days, _day(item), item.key.count("/")),
        digest,
    )
    flair = images[0] if images else None
    masks = _first(
        [item for item in items if item.role == MASK and flair is not None and _day(item) == _day(flair)],
        lambda item: (_MASKS.index(_kind(item).lower()), item.key.count("/")),
        digest,
    )
    tied = [*(images if len(images) > 1 else []), *(masks if len(masks) > 1 else [])]
    return [_judged(item, flair, masks[0] if masks else None, tied) for item in items]


def _first(items: Sequence[Item], rank: Callable[[Item], Any], digest: Callable[[str], str]) -> list[Item]:
    """The items of the lowest rank in order of their keys, several where they are equal and no copies of one."""
    lowest = min(map(rank, items), default=None)
    equal = sorted((item for item in items if rank(item) == lowest), key=lambda item: item.key)
    return equal[:1] if len(equal) > 1 and len({digest(item.key) for item in equal}) == 1 else equal


def _day(item: Item) -> str:
    return item.text("study_date")


def _kind(item: Item) -> str:
    return item.text("description")


def _judged(item: Item, flair: Item | None, mask: Item | None, tied: Sequence[Item]) -> Item:
    if item.role == OTHER:
        return item
    if flair is None:
        return replace(item, reason="no FLAIR of this patient")
    if _day(item) != _day(flair):
        return replace(item, reason=f"other study preferred: {_day(flair)}")
    if item in tied:
        rivals = ", ".join(one.key for one in tied if one is not item and one.role == item.role)
        return replace(item, reason=f"tie with {rivals}")
    best = flair if item.role == FLAIR else mask
    if best is not None and item.key != best.key:
        is_twin = _kind(item).lower() == _kind(best).lower()
        return replace(item, reason=f"{best.key if is_twin else _kind(best)} preferred")
    if not item.number("n_images"):
        return item
    reason = "FLAIR by name" if item.role == FLAIR else f"mask of the day of the FLAIR ({_kind(item)})"
    return replace(item, chosen=True, reason=reason)
