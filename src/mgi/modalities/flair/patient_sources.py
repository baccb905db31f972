"""One patient's images and masks from what was fetched, in the form that the shard stores.

Whatever the source, what has a geometry is turned by whole axes to the same directions: slices to the head, rows to
the back, columns to the left. A sagittal or coronal scan so becomes axial slices, where its voxels are fine enough.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, IntegrityError
from mgi.locks.raw_index import RawEntry
from mgi.modalities.flair.buda import BudaArchive, decoded, other_channels
from mgi.modalities.flair.dicom import Volume, read_dicom_members, volume_of
from mgi.modalities.flair.dicom_seg import segmentations_of
from mgi.modalities.flair.geometry import (
    EMPTY_MASK,
    positions_along_normal,
    require_most_of,
    resample_mask,
    to_stored_axes,
)
from mgi.modalities.flair.label_map import Labels
from mgi.modalities.flair.nifti import NiftiVolume, read_image, read_labels
from mgi.modalities.flair.seg_choice import mask_on_image
from mgi.shards.channels import MAIN_ALONE, Channel
from mgi.shards.grey_scale import require_scale
from mgi.shards.image_shard import PatientImages

NIFTI_ENDINGS = (".nii", ".nii.gz")
MAX_PIXEL_RATIO = 2.0  # of the sides of a pixel: networks see squares, and a slice of thick sagittal ones is a smear
_SAME_GRID_MM = 1e-3


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A patient for the shard, and what was dropped on the way."""

    images: PatientImages
    notes: tuple[str, ...]


def from_dicom(
    patient_id: str,
    image: RawEntry,
    masks: Sequence[RawEntry],
    folder: Path | None = None,
    labels: Labels | None = None,
) -> Converted:
    """Convert a DICOM series, downloaded or in the user's folder, and its mask: segmentations or one NIfTI label map.

    Raises IntegrityError where a file was changed since it was fetched or locked.
    """
    volume = volume_of(_dicom_members(image, folder), image.key)
    where = f"series {image.key}"
    mask: NDArray[np.uint8] | None = None
    notes: tuple[str, ...] = ()
    if folder is not None and any(item.key.lower().endswith(NIFTI_ENDINGS) for item in masks):
        mask, notes = _label_map(volume, where, masks, folder, labels)
    elif masks:
        found = [one for item in masks for one in segmentations_of(_dicom_members(item, folder), item.key)]
        mask, notes = mask_on_image(found, volume)
    return from_volume(patient_id, volume, where=image.key, source=image.digest, mask=mask, notes=notes)


def from_nifti(
    patient_id: str, image: RawEntry, masks: Sequence[RawEntry], folder: Path, labels: Labels | None = None
) -> Converted:
    """Convert a NIfTI image of the user's folder and its label map, the whole tumour on the image's grid."""
    volume = read_image(_only_file(image, folder), image.key)
    mask, notes = _label_map(volume, image.key, masks, folder, labels) if masks else (None, ())
    return from_volume(patient_id, volume, where=image.key, source=image.digest, mask=mask, notes=notes)


def from_buda(
    patient_id: str, image: RawEntry, archive: BudaArchive, channels: tuple[Channel, ...] = MAIN_ALONE
) -> Converted:
    """Convert a folder of the Kaggle archive, with these channels; its bytes must be those that were fetched."""
    files, sha256 = archive.read_files(image.key)
    if sha256 != image.sha256:
        wanted = f"expected {image.sha256}; the archive is another, fetch again"
        raise IntegrityError(f"{image.key}: sha256 {sha256}, {wanted}")
    slices, masks = decoded(files)
    if (fetched := image.metadata.get("n_images")) not in (None, len(slices)):
        raise BadInputError(f"{image.key}: {len(slices)} slices, expected {fetched} as fetched")
    if not masks.any():
        raise BadInputError(f"{image.key}: no slice has a mask above 0, expected a tumour")
    others, notes = other_channels(files, channels) if channels != MAIN_ALONE else (None, ())
    images = PatientImages(
        patient_id=patient_id,
        slices=slices,
        masks=masks,
        spacing_mm=None,
        positions_mm=None,
        source=sha256,
        others=others,
        channels=channels,
    )
    return Converted(images=images, notes=notes)


def from_volume(
    patient_id: str,
    volume: Volume | NiftiVolume,
    *,
    where: str,
    source: str,
    mask: NDArray[np.uint8] | None = None,
    notes: tuple[str, ...] = (),
) -> Converted:
    """Convert a volume and its mask on the same grid, turned to the axes that every volume with a geometry has here.

    `source` is its digest.
    """
    slices, affine, native = to_stored_axes(volume.voxels, volume.affine)
    masks = None if mask is None else np.ascontiguousarray(to_stored_axes(mask, volume.affine)[0])
    row_mm, column_mm = np.linalg.norm(affine[:3, 1:3], axis=0).tolist()
    if max(row_mm, column_mm) > MAX_PIXEL_RATIO * min(row_mm, column_mm):
        raise BadInputError(
            f"{where}: as axial slices its pixels would be {row_mm:.2f} x {column_mm:.2f} mm (axes {native}), "
            f"expected sides of at most {MAX_PIXEL_RATIO:g}:1"
        )
    require_scale(slices, where)
    own_positions = volume.positions_mm if native[2] == "S" and isinstance(volume, Volume) else None
    images = PatientImages(
        patient_id=patient_id,
        slices=slices,
        masks=masks,
        spacing_mm=(row_mm, column_mm),
        positions_mm=positions_along_normal(affine, len(slices)) if own_positions is None else own_positions,
        source=source,
        affine=affine,
        native_axes=native,
    )
    turned = () if native[2] in "SI" else (f"cut into axial slices from a scan with axes {native}",)
    return Converted(images=images, notes=(*volume.notes, *notes, *turned))


def _dicom_members(item: RawEntry, folder: Path | None) -> Iterator[tuple[str, bytes]]:
    return read_dicom_members(item.verified_path()) if folder is None else item.verified_members(folder)


def _only_file(item: RawEntry, folder: Path) -> bytes:
    files = [data for _, data in item.verified_members(folder)]
    if len(files) != 1:
        raise BadInputError(f"{item.key}: {len(files)} members, expected the one file of a NIfTI")
    return files[0]


def _label_map(
    volume: Volume | NiftiVolume, where: str, masks: Sequence[RawEntry], folder: Path, known: Labels | None
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return a label map on the volume's grid, resampled (order 0) only from another, and what to say of it."""
    if len(masks) > 1:
        raise BadInputError(f"{where}: masks {', '.join(item.key for item in masks)}; expected one")
    name = masks[0].key
    labels = read_labels(_only_file(masks[0], folder), name, labels=known)
    slices, rows, columns = volume.voxels.shape
    if not labels.voxels.any():
        raise BadInputError(f"{name}: no voxel of a tumour label, expected a tumour")
    if labels.voxels.shape == volume.voxels.shape and np.allclose(
        labels.affine, volume.affine, rtol=0, atol=_SAME_GRID_MM
    ):
        return labels.voxels, labels.notes
    mask = resample_mask(labels.voxels, labels.affine, (slices, rows, columns), volume.affine)
    if not mask.any():
        raise BadInputError(f"{name}: {EMPTY_MASK}: the two do not lie in the same space")
    require_most_of(mask, volume.affine, labels.voxels, labels.affine, name)
    return mask, (*labels.notes, f"mask resampled from a grid of {labels.voxels.shape} voxels")
