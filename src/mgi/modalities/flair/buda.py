"""The Buda "LGG MRI segmentation" set, in its Kaggle archive or unpacked: TIFF slices, FLAIR in the middle channel.

Measured on the set: images 256 x 256 RGB uint8, masks uint8 of 0 and 255, slices numbered from 1, inferior to superior.
The last TIFF strip declares more bytes than the image has; Pillow reads it without complaint.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.core.zips import DamagedZipError, opened_zip, read_member
from mgi.modalities.flair.kaggle_tree import DATASET, IMAGE_ENDINGS, SLICE, ZIP_LIMITS, fault_of, patient_folders
from mgi.shards.grey_scale import require_scale

FLAIR_CHANNEL = 1  # 0 is T1 before contrast, 2 after
MAX_PIXELS = 4096 * 4096
SliceFiles = tuple[tuple[str, bytes], tuple[str, bytes]]  # image and mask of a slice, each by name and bytes
MAX_FILE_BYTES = 64 << 20  # a slice is 256 x 256 x 3 bytes; nothing in the set comes near this
TIFF_STARTS = (b"II*\0", b"MM\0*")


class BudaArchive:
    """An open Kaggle archive; `folders` are its patient folders by name (`TCGA_CS_4942_19970222`)."""

    def __init__(self, archive: zipfile.ZipFile, path: Path | str) -> None:
        """Raise BadInputError where the archive holds no patient folder."""
        self._archive = archive
        self._path = path
        self.folders = {one.name: one for one in patient_folders(archive.infolist(), label=str(path))}

    def read_files(self, folder: str) -> tuple[list[SliceFiles], str]:
        """Read image and mask of every slice as they lie in the archive, by number, and the SHA-256 of all of them."""
        if folder not in self.folders:
            raise BadInputError(f"{self._path}: no folder {folder}")
        patient, digest = self.folders[folder], hashlib.sha256()
        if fault := fault_of(patient):
            raise BadInputError(f"{self._path}: {folder}: {fault}")
        pairs = [(info, patient.masks[number]) for number, info in patient.images.items()]
        files = [
            ((image.filename, self._read(image, digest)), (mask.filename, self._read(mask, digest)))
            for image, mask in pairs
        ]
        return files, digest.hexdigest()

    def _read(self, info: zipfile.ZipInfo, digest: "hashlib._Hash") -> bytes:
        if info.file_size > MAX_FILE_BYTES:
            raise BadInputError(f"{self._path}: {info.filename} claims {info.file_size} bytes, too large for a slice")
        data = read_member(self._archive, info, label=str(self._path))
        digest.update(data)
        return data


@contextmanager
def opened_buda(path: Path | str) -> Iterator[BudaArchive]:
    """Open a Kaggle archive on disk, which is read in place."""
    try:
        with opened_zip(path, limits=ZIP_LIMITS) as archive:
            yield BudaArchive(archive, path)
    except DamagedZipError as error:
        raise BadInputError(f"{error}; download the Kaggle dataset {DATASET} again") from None


def decoded(files: Sequence[SliceFiles]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return FLAIR and masks (S, H, W) of a patient's files; fetch and shard refuse them by the same rule."""
    slices = [flair_of(data, name) for (name, data), _ in files]
    masks = [mask_of(data, name) for _, (name, data) in files]
    for (image, mask), own, drawn in zip(files, slices, masks, strict=True):
        for (name, _), pixels in ((image, own), (mask, drawn)):
            if pixels.shape != slices[0].shape:
                raise BadInputError(f"{name}: {pixels.shape} pixels, expected {slices[0].shape} as in the first slice")
    volume = np.stack(slices)
    require_scale(volume, files[0][0][0].rpartition("/")[0])
    return volume, np.stack(masks)


def flair_of(data: bytes, name: str) -> NDArray[np.uint8]:
    """Return the FLAIR channel (H, W) of an RGB TIFF."""
    return np.ascontiguousarray(_decode(data, name, "RGB")[:, :, FLAIR_CHANNEL])


def mask_of(data: bytes, name: str) -> NDArray[np.uint8]:
    """Return the mask (H, W) of 0 and 1 of a grey TIFF of 0 and 255.

    Raises BadInputError where it holds any other value: an anti-aliased or rescaled mask is not the published one.
    """
    pixels = _decode(data, name, "L")
    mask = pixels == 255
    foreign = pixels[(pixels != 0) ^ mask]
    if foreign.size:
        raise BadInputError(f"{name}: mask value {foreign.min()}, expected 0 and 255 only")
    return np.asarray(mask, dtype=np.uint8)


def _decode(data: bytes, name: str, mode: str) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
            if image.mode != mode or image.width * image.height > MAX_PIXELS:
                raise BadInputError(f"{name}: {image.mode} {image.size}, expected mode {mode} of at most 4096 x 4096")
            return np.array(image, dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, EOFError, Image.DecompressionBombError) as error:
        raise BadInputError(f"{name}: not readable as TIFF ({error})") from None


@dataclass(frozen=True, kw_only=True)
class SliceFolder:
    """FLAIR slices (S, H, W) in the order of their numbers; `names` (S,) are the files'; `sha256` is of all of them."""

    slices: NDArray[np.uint8]
    names: tuple[str, ...]
    sha256: str
    notes: tuple[str, ...] = ()


def read_slice_folder(folder: Path) -> SliceFolder:
    """Read the FLAIR of every `<name>_<number>.tif`; masks beside them are not read."""
    names, digest = _in_order(folder), hashlib.sha256()
    slices = []
    for name in names:
        data = (folder / name).read_bytes()
        digest.update(data)
        slices.append(flair_of(data, str(folder / name)))
        if slices[-1].shape != slices[0].shape:
            raise BadInputError(f"{folder / name}: {slices[-1].shape} pixels, expected {slices[0].shape} as {names[0]}")
    volume = np.stack(slices)
    require_scale(volume, str(folder))
    first = min(int(found["number"]) for name in names if (found := SLICE.fullmatch(name)))
    notes = (f"slices are numbered from {first}: lower ones, if there are any, were not given",) if first > 1 else ()
    return SliceFolder(slices=volume, names=names, sha256=digest.hexdigest(), notes=notes)


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
    strays = []
    for path in sorted(folder.iterdir()):
        part = SLICE.fullmatch(path.name)
        if part is None and path.is_file() and path.name.lower().endswith(IMAGE_ENDINGS):
            strays.append(path)
        if part is None or part["mask"] or not path.is_file():
            continue
        stems.setdefault(part["stem"], path.name)
        if (other := found.setdefault(int(part["number"]), path.name)) != path.name:
            raise BadInputError(f"{folder}: {other} and {path.name} have the same patient or number, expected one each")
    if len(stems) > 1:
        first, second = list(stems.values())[:2]
        raise BadInputError(f"{folder}: {first} and {second} are of two patients, expected one patient's folder")
    if not found:
        raise BadInputError(f"{folder}: no file like TCGA_CS_4941_19960909_1.tif, expected one patient's slices")
    if strays:
        raise BadInputError(f"{strays[0]}: an image whose name is no slice's, expected <name>_<number>.tif")
    for number in range(min(found), max(found) + 1):
        if number not in found:
            raise BadInputError(f"{folder}: {next(iter(stems))}_{number}.tif: missing between slices that are there")
    return tuple(found[number] for number in sorted(found))
