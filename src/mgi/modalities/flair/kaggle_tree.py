"""The folder tree of the "LGG MRI segmentation" zip: one folder a patient and day, slice and mask side by side.

The published zip holds the tree twice (`kaggle_3m/` and `lgg-mri-segmentation/kaggle_3m/`); here it counts once.
"""

import re
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mgi.core.dates import iso_date
from mgi.core.errors import BadInputError
from mgi.core.ids import is_patient_id, patient_id_of
from mgi.core.zips import ZipLimits

DATASET = "mateuszbuda/lgg-mri-segmentation"
ZIP_LIMITS = ZipLimits(members=50_000, total_bytes=4 << 30)  # the zip holds the tree twice, 2.1 GB in all
MOST_SLICES = 10_000  # a name may hold any number, and what is counted up to it is memory
# The name of a TIFF file says whose it is, which slice (from 0 or 1, inferior to superior), and whether it is a mask.
SLICE = re.compile(r"(?P<stem>[^/]+)_(?P<number>[0-9]+)(?P<mask>_mask)?\.tif", re.IGNORECASE)
# What may be a slice under another name: it must not go missing unseen.
IMAGE_ENDINGS = (".tif", ".tiff")
_TCGA_FOLDER = re.compile(r"TCGA_\w{2}_\w{4}_(?P<day>[0-9]{8})")


@dataclass(frozen=True, kw_only=True)
class PatientFolder:
    """One patient's volume: `images` and `masks` map a slice number to its member of the zip.

    `strays` are images in the folder whose names are no slice's.
    """

    patient_id: str
    name: str
    study_date: str | None
    images: Mapping[int, zipfile.ZipInfo]
    masks: Mapping[int, zipfile.ZipInfo]
    strays: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes before packing."""
        return sum(info.file_size for part in (self.images, self.masks) for info in part.values())


def patient_folders(members: Sequence[zipfile.ZipInfo], *, label: str) -> list[PatientFolder]:
    """Return all patient folders, sorted by name."""
    found: dict[str, dict[tuple[int, bool], zipfile.ZipInfo]] = defaultdict(dict)
    strays: dict[str, list[str]] = defaultdict(list)
    for info in sorted(members, key=lambda info: (info.filename.count("/"), info.filename)):
        *_, folder, file_name = ("", *info.filename.split("/"))
        part = SLICE.fullmatch(file_name)
        if part is None or part["stem"] != folder or not _is_patient(folder):
            if file_name.lower().endswith(IMAGE_ENDINGS) and not file_name.startswith("."):
                strays[folder].append(info.filename)
            continue
        kept = found[folder].setdefault((int(part["number"]), part["mask"] is not None), info)
        if (kept.CRC, kept.file_size) != (info.CRC, info.file_size):
            raise BadInputError(f"{label}: {kept.filename} and {info.filename} differ, expected two equal copies")
    if not found:
        raise BadInputError(
            f"{label}: no member like kaggle_3m/TCGA_CS_4941_19960909/TCGA_CS_4941_19960909_1.tif; expected the zip of "
            f"the Kaggle dataset {DATASET}"
        )
    return [
        PatientFolder(
            patient_id=patient_id_of(name),
            name=name,
            study_date=iso_date(day["day"]) if (day := _TCGA_FOLDER.fullmatch(name)) else None,
            images={number: slices[number, is_mask] for number, is_mask in sorted(slices) if not is_mask},
            masks={number: slices[number, is_mask] for number, is_mask in sorted(slices) if is_mask},
            strays=tuple(strays[name]),
        )
        for name, slices in sorted(found.items())
    ]


def _is_patient(folder: str) -> bool:
    """Whether a folder is a patient's: of the published names, or called by an id of one's own."""
    named = folder.upper().startswith("TCGA")
    return _TCGA_FOLDER.fullmatch(folder) is not None if named else is_patient_id(folder)


def choose_folders(folders: Sequence[PatientFolder]) -> dict[str, tuple[bool, str]]:
    """Return whether each folder is used and why, by folder name: the earliest whole volume of each patient.

    Of two whole ones of one day neither is: only their names would decide.
    """
    verdicts = {}
    whole: dict[str, list[PatientFolder]] = defaultdict(list)
    for folder in sorted(folders, key=lambda one: (one.patient_id, one.study_date or "", one.name)):
        if fault := fault_of(folder):
            verdicts[folder.name] = (False, fault)
        else:
            whole[folder.patient_id].append(folder)
    for own in whole.values():
        day = own[0].study_date
        first = [folder for folder in own if folder.study_date == day]
        for folder in own:
            if folder not in first:
                verdicts[folder.name] = (False, f"other study preferred: {day}")
            elif len(first) > 1:
                rivals = ", ".join(one.name for one in first if one is not folder)
                verdicts[folder.name] = (False, f"tie with {rivals}")
            else:
                verdicts[folder.name] = (True, "slices with masks")
    return verdicts


def fault_of(folder: PatientFolder) -> str | None:
    """Return why a folder is not a whole volume with a mask for every slice, or None."""
    if folder.strays:
        return f"{folder.strays[0]}: an image whose name is no slice's ({len(folder.strays)} of them)"
    numbers, masked = set(folder.images), set(folder.masks)
    if not numbers:
        return "no image"
    if not masked:
        return "no mask"
    if numbers - masked:
        return f"no mask for slice {min(numbers - masked)} ({len(numbers - masked)} of {len(numbers)} slices)"
    if masked - numbers:
        return f"no image for mask {min(masked - numbers)}"
    if max(numbers) > MOST_SLICES:
        return f"slice number {max(numbers)}, expected at most {MOST_SLICES}"
    if gaps := set(range(1, max(numbers) + 1)) - numbers:
        return f"slice {min(gaps)} of {max(numbers)} missing"
    return None
