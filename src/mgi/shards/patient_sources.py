"""One patient's images and masks from what was fetched, in the form that the shard stores."""

from collections.abc import Sequence
from dataclasses import dataclass

from mgi.cohort.raw_index import RawItem
from mgi.core.errors import BadInputError, IntegrityError
from mgi.imaging.buda import BudaArchive
from mgi.imaging.dicom import read_series
from mgi.imaging.segmentation import mask_on_image, read_segmentations
from mgi.shards.image_shard import PatientImages


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A patient for the shard, and what was dropped on the way."""

    images: PatientImages
    notes: tuple[str, ...] = ()


def from_series(patient_id: str, image: RawItem, masks: Sequence[RawItem]) -> Converted:
    """A DICOM series and its segmentations, the mask on the image's grid; no mask where there is no segmentation.

    Raises BadInputError naming the series where geometry or pixels are refused or the mask falls beside the image.
    """
    volume = read_series(image.verified_path(), image.key)
    candidates = [one for item in masks for one in read_segmentations(item.verified_path(), item.key)]
    _, row_mm, column_mm = volume.spacing_mm
    images = PatientImages(
        patient_id=patient_id,
        slices=volume.voxels,
        masks=mask_on_image(candidates, volume) if candidates else None,
        spacing_mm=(row_mm, column_mm),
        positions_mm=volume.positions_mm,
        source=image.digest,
    )
    return Converted(images=images, notes=volume.notes)


def from_buda(patient_id: str, image: RawItem, archive: BudaArchive) -> Converted:
    """A folder of the Kaggle archive; its bytes must be those that were fetched.

    Raises IntegrityError where they are not, BadInputError where a slice or mask is refused.
    """
    found = archive.read_patient(image.key)
    if found.sha256 != image.sha256:
        raise IntegrityError(
            f"{image.key}: sha256 {found.sha256}, expected {image.sha256}; the archive is another, fetch again"
        )
    if image.n_images not in (None, len(found.slices)):
        raise BadInputError(f"{image.key}: {len(found.slices)} slices, expected {image.n_images} as fetched")
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
    return Converted(images=images)
