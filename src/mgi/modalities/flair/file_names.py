"""Which of several NIfTI files is the FLAIR, by the endings that data sets and tools give to their names."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

# BraTS calls it _flair until 2021 and -t2f since 2023; UCSF-PDGM and UPENN-GBM have _FLAIR.
_FLAIR = re.compile(r"(?P<patient>.+?)[_-](?:flair|t2f)", re.IGNORECASE)
_OTHER = re.compile(
    r".+[_-](?:t1|t1n|t1w|t1c|t1ce|t1gd|t2|t2w|swi|adc|dwi|asl|pd|mask|seg|segm|labels?|probability)",
    re.IGNORECASE,
)
_ENDING = re.compile(r"\.nii(?:\.gz)?$", re.IGNORECASE)
EXPECTED = "<patient>_flair.nii.gz (BraTS until 2021) or <patient>-t2f.nii.gz (since 2023)"


def is_nifti_name(name: str) -> bool:
    """Whether a name ends in .nii or .nii.gz."""
    return _ENDING.search(name) is not None


def flair_files(names: Sequence[str]) -> list[str]:
    """The NIfTI files of one patient that are called FLAIR; where none is, those not called otherwise or a mask."""
    files = [name for name in names if is_nifti_name(name)]
    flair = [name for name in files if _FLAIR.fullmatch(stem_of(name))]
    return flair or [name for name in files if not _OTHER.fullmatch(stem_of(name))]


def flair_of_each(names: Sequence[str]) -> list[str]:
    """The NIfTI files of several patients that are called FLAIR, or not called otherwise and of no such patient."""
    flair = [name for name in names if is_nifti_name(name) and _FLAIR.fullmatch(stem_of(name))]
    known = tuple(f"{patient_named_by(name)}{more}" for name in flair for more in "_-")
    return [
        name
        for name in names
        if name in flair
        or (is_nifti_name(name) and not _OTHER.fullmatch(stem_of(name)) and not stem_of(name).startswith(known))
    ]


def patient_named_by(name: str) -> str:
    """The patient of a file's name: without the ending, and without what says that it is the FLAIR."""
    stem = stem_of(name)
    found = _FLAIR.fullmatch(stem)
    return stem if found is None else found["patient"]


def stem_of(path: str) -> str:
    """A file's name without its folder and without .nii or .nii.gz."""
    return _ENDING.sub("", PurePosixPath(path).name)
