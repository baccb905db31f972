"""The Buda "LGG MRI segmentation" set, in its Kaggle archive or unpacked: TIFF slices, FLAIR in the middle channel.

Measured on the set: images 256 x 256 RGB uint8, masks uint8 of 0 and 255, slices numbered from 1, inferior to superior.
The last TIFF strip declares more bytes than the image has; Pillow reads it without complaint.
"""

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.zips import DamagedZipError, opened_zip, read_member
from mgi.modalities.flair.colour_channels import FLAIR_PLACE, others_in
from mgi.modalities.flair.kaggle_tree import DATASET, ZIP_LIMITS, fault_of, patient_folders
from mgi.modalities.flair.slice_image import MAX_FILE_BYTES, opened_image
from mgi.shards.grey_scale import require_scale

SliceFiles = tuple[tuple[str, bytes], tuple[str, bytes]]  # image and mask of a slice, each by name and bytes


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


def other_channels(
    files: Sequence[SliceFiles], channels: Sequence[str]
) -> tuple[NDArray[np.uint8] | None, tuple[str, ...]]:
    """The `channels` beside FLAIR of a patient's files, which `decoded` has taken, and notes: see `others_in`."""
    first = files[0][0][0].rpartition("/")[0]
    return others_in([_decode(data, name, "RGB") for (name, data), _ in files], channels, first)


def flair_of(data: bytes, name: str) -> NDArray[np.uint8]:
    """Return the FLAIR channel (H, W) of an RGB TIFF."""
    return np.ascontiguousarray(_decode(data, name, "RGB")[:, :, FLAIR_PLACE])


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
    with opened_image(data, name, "TIFF") as image:
        if image.mode != mode:
            raise BadInputError(f"{name}: {image.mode} {image.size}, expected mode {mode}")
        return np.array(image, dtype=np.uint8)
