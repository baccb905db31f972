"""One patient's images and masks from what was fetched, in the form that the shard stores.

Whatever the source, what has a geometry is turned by whole axes to the same directions: slices to the head, rows to
the back, columns to the left. A sagittal or coronal scan so becomes axial slices, where its voxels are fine enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.duplicates import digest_of_image
from mgi.core.errors import BadInputError, IntegrityError
from mgi.locks.raw_entry import RawEntry
from mgi.modalities.flair.buda import BudaArchive
from mgi.modalities.flair.dicom import Volume, read_series, volume_of
from mgi.modalities.flair.dicom_seg import Segmentation, mask_on_image, read_segmentations, segmentations_of
from mgi.modalities.flair.geometry import EMPTY_MASK, positions_along_normal, resample_mask, to_stored_axes
from mgi.modalities.flair.nifti import NiftiVolume, read_image, read_labels
from mgi.shards.image_shard import PatientImages

NIFTI_ENDINGS = (".nii", ".nii.gz")
MAX_PIXEL_RATIO = 2.0  # of the sides of a pixel: networks see squares, and a slice of thick sagittal ones is a smear
_SAME_GRID_MM = 1e-3


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A patient for the shard, what was dropped on the way, and the digest that tells two patients' images apart."""

    images: PatientImages
    notes: tuple[str, ...]
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class _Scan:
    """A volume (k, i, j) on its own grid with its mask; `positions_mm` where slices are not exactly evenly spaced."""

    voxels: NDArray[Any]
    affine: NDArray[np.float64]
    mask: NDArray[np.uint8] | None
    positions_mm: NDArray[np.float64] | None
    notes: tuple[str, ...]


def from_series(patient_id: str, image: RawEntry, masks: Sequence[RawEntry]) -> Converted:
    """Convert a DICOM series and its segmentations, if any; the mask comes on the image's grid.

    Raises BadInputError naming the series where geometry or pixels are refused or the mask falls beside the image.
    """
    volume = read_series(image.verified_path(), image.key)
    candidates = [one for item in masks for one in read_segmentations(item.verified_path(), item.key)]
    return _stored(patient_id, image.key, image.digest, _scan_of(volume, candidates))


def from_dicom_folder(patient_id: str, image: RawEntry, masks: Sequence[RawEntry], folder: Path) -> Converted:
    """Convert a DICOM series of the user's folder; its mask is a DICOM segmentation or one NIfTI label map beside it.

    Raises BadInputError as `from_series` does, IntegrityError where a file was changed since it was locked.
    """
    volume = volume_of(image.verified_members(folder), image.key)
    maps = [item for item in masks if item.key.lower().endswith(NIFTI_ENDINGS)]
    if not maps:
        candidates = [one for item in masks for one in segmentations_of(item.verified_members(folder), item.key)]
        return _stored(patient_id, image.key, image.digest, _scan_of(volume, candidates))
    if len(masks) > 1:
        raise BadInputError(f"series {image.key}: masks {', '.join(item.key for item in masks)}; expected one")
    labels = read_labels(_only_file(maps[0], folder), maps[0].key)
    return _stored(patient_id, image.key, image.digest, _with_labels(_scan_of(volume, []), labels, maps[0].key))


def from_nifti(patient_id: str, image: RawEntry, masks: Sequence[RawEntry], folder: Path) -> Converted:
    """Convert a NIfTI image of the user's folder and its label map, the whole tumour on the image's grid.

    Raises BadInputError naming the file where its header, orientation, voxels or labels are refused or the mask falls
    beside the image, IntegrityError where a file was changed since it was locked.
    """
    if len(masks) > 1:
        raise BadInputError(f"{image.key}: masks {', '.join(item.key for item in masks)}; expected one")
    found = read_image(_only_file(image, folder), image.key)
    scan = _Scan(voxels=found.voxels, affine=found.affine, mask=None, positions_mm=None, notes=found.notes)
    for item in masks:
        scan = _with_labels(scan, read_labels(_only_file(item, folder), item.key), item.key)
    return _stored(patient_id, image.key, image.digest, scan)


def from_buda(patient_id: str, image: RawEntry, archive: BudaArchive) -> Converted:
    """Convert a folder of the Kaggle archive; its bytes must be those that were fetched.

    Raises IntegrityError where they are not, BadInputError where a slice or mask is refused.
    """
    found = archive.read_patient(image.key)
    if found.sha256 != image.sha256:
        raise IntegrityError(
            f"{image.key}: sha256 {found.sha256}, expected {image.sha256}; the archive is another, fetch again"
        )
    if (fetched := image.facts.get("n_images")) not in (None, len(found.slices)):
        raise BadInputError(f"{image.key}: {len(found.slices)} slices, expected {fetched} as fetched")
    if not found.masks.any():
        raise BadInputError(f"{image.key}: no slice has a mask above 0, expected a tumour")
    images = PatientImages(
        patient_id=patient_id,
        slices=found.slices,
        masks=found.masks,
        spacing_mm=None,
        positions_mm=None,
        source=found.sha256,
    )
    return Converted(images=images, notes=(), digest=digest_of_image(images.slices))


def from_volume(patient_id: str, volume: Volume | NiftiVolume, *, where: str, source: str) -> Converted:
    """Convert a volume without a mask, turned to the axes that every volume with a geometry has here.

    `source` is its digest. Raises BadInputError as `from_series` does.
    """
    positions = volume.positions_mm if isinstance(volume, Volume) else None
    scan = _Scan(voxels=volume.voxels, affine=volume.affine, mask=None, positions_mm=positions, notes=volume.notes)
    return _stored(patient_id, where, source, scan)


def _only_file(item: RawEntry, folder: Path) -> bytes:
    files = [data for _, data in item.verified_members(folder)]
    if len(files) != 1:
        raise BadInputError(f"{item.key}: {len(files)} members, expected the one file of a NIfTI")
    return files[0]


def _scan_of(volume: Volume, candidates: Sequence[Segmentation]) -> _Scan:
    return _Scan(
        voxels=volume.voxels,
        affine=volume.affine,
        mask=mask_on_image(candidates, volume) if candidates else None,
        positions_mm=volume.positions_mm,
        notes=volume.notes,
    )


def _with_labels(scan: _Scan, labels: NiftiVolume, name: str) -> _Scan:
    """Return the scan with a label map, which is resampled (order 0) only if its grid is another."""
    _, rows, columns = shape = scan.voxels.shape
    same = labels.voxels.shape == shape and np.allclose(labels.affine, scan.affine, rtol=0, atol=_SAME_GRID_MM)
    if not labels.voxels.any():
        raise BadInputError(f"{name}: no label above 0, expected a tumour")
    mask = (
        labels.voxels if same else resample_mask(labels.voxels, labels.affine, (shape[0], rows, columns), scan.affine)
    )
    if not mask.any():
        raise BadInputError(f"{name}: {EMPTY_MASK}: the two do not lie in the same space")
    notes = () if same else (f"mask resampled from a grid of {labels.voxels.shape} voxels",)
    return _Scan(
        voxels=scan.voxels,
        affine=scan.affine,
        mask=mask,
        positions_mm=scan.positions_mm,
        notes=(*scan.notes, *labels.notes, *notes),
    )


def _stored(patient_id: str, where: str, source: str, scan: _Scan) -> Converted:
    slices, affine, native = to_stored_axes(scan.voxels, scan.affine)
    masks = None if scan.mask is None else np.ascontiguousarray(to_stored_axes(scan.mask, scan.affine)[0])
    row_mm, column_mm = np.linalg.norm(affine[:3, 1:3], axis=0).tolist()
    if max(row_mm, column_mm) > MAX_PIXEL_RATIO * min(row_mm, column_mm):
        raise BadInputError(
            f"{where}: as axial slices its pixels would be {row_mm:.2f} x {column_mm:.2f} mm (axes {native}), "
            f"expected sides of at most {MAX_PIXEL_RATIO:g}:1"
        )
    kept_slices = native[2] == "S" and scan.positions_mm is not None
    images = PatientImages(
        patient_id=patient_id,
        slices=slices,
        masks=masks,
        spacing_mm=(row_mm, column_mm),
        positions_mm=scan.positions_mm if kept_slices else positions_along_normal(affine, len(slices)),
        source=source,
        affine=affine,
        native_axes=native,
    )
    turned = () if native[2] in "SI" else (f"cut into axial slices from a scan with axes {native}",)
    return Converted(images=images, notes=(*scan.notes, *turned), digest=digest_of_image(images.slices))
