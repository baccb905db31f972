"""One patient's folder of the "LGG MRI segmentation" layout, unpacked on disk: TIFF slices in, TIFF masks out."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.modalities.flair.buda import flair_of
from mgi.modalities.flair.kaggle_tree import slice_name

TIFF_STARTS = (b"II*\0", b"MM\0*")


@dataclass(frozen=True, kw_only=True)
class SliceFolder:
    """FLAIR slices (S, H, W) in the order of their numbers; `names` (S,) are the files'; `sha256` is of all of them."""

    slices: NDArray[np.uint8]
    names: tuple[str, ...]
    sha256: str


def read_slice_folder(folder: Path) -> SliceFolder:
    """Read the FLAIR of every `<name>_<number>.tif`; masks beside them are not read."""
    names = _in_order(folder)
    digest = hashlib.sha256()
    slices = []
    for name in names:
        data = (folder / name).read_bytes()
        digest.update(data)
        slices.append(flair_of(data, str(folder / name)))
        if slices[-1].shape != slices[0].shape:
            raise BadInputError(f"{folder / name}: {slices[-1].shape} pixels, expected {slices[0].shape} as {names[0]}")
    return SliceFolder(slices=np.stack(slices), names=names, sha256=digest.hexdigest())


def write_slice_masks(folder: Path, names: Sequence[str], mask: NDArray[Any]) -> list[Path]:
    """Write a mask (S, H, W) as `<slice>_mask.tif` of 0 and 255, one for each slice's file name."""
    paths = []
    for name, plane in zip(names, mask, strict=True):
        path = folder / f"{Path(name).stem}_mask.tif"
        packed = io.BytesIO()
        Image.fromarray(np.where(plane > 0, 255, 0).astype(np.uint8)).save(packed, format="TIFF")
        with atomic_path(path) as part:
            part.write_bytes(packed.getvalue())
        paths.append(path)
    return paths


def _in_order(folder: Path) -> tuple[str, ...]:
    found: dict[int, str] = {}
    stems: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        part = slice_name(path.name)
        if part is None or part.is_mask or not path.is_file():
            continue
        stems.setdefault(part.stem, path.name)
        if (other := found.setdefault(part.number, path.name)) != path.name:
            raise BadInputError(f"{folder}: {other} and {path.name} have the same patient or number, expected one each")
    if len(stems) > 1:
        first, second = list(stems.values())[:2]
        raise BadInputError(f"{folder}: {first} and {second} are of two patients, expected one patient's folder")
    if not found:
        raise BadInputError(f"{folder}: no file like TCGA_CS_4941_19960909_1.tif, expected one patient's slices")
    for number in range(min(found), max(found) + 1):
        if number not in found:
            raise BadInputError(f"{folder}: {next(iter(stems))}_{number}.tif: missing between slices that are there")
    return tuple(found[number] for number in sorted(found))
