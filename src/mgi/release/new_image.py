"""A new patient's image in any of three kinds, told apart by content, and masks on its own grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import sha256_of
from mgi.locks.user_folder import files_below
from mgi.modalities.flair.buda import TIFF_STARTS, read_slice_folder, write_slice_masks
from mgi.modalities.flair.dicom_layout import START_BYTES, layout_of
from mgi.modalities.flair.new_series import read_dicom_input
from mgi.modalities.flair.nifti import is_gzip, read_image, spatial_header
from mgi.modalities.flair.nifti_output import write_mask
from mgi.modalities.flair.patient_sources import NIFTI_ENDINGS, from_volume
from mgi.shards.image_shard import PatientImages

Kind = Literal["nifti", "dicom", "tiff"]
PATIENT = "new"
_NIFTI_MAGIC = ((344, b"n+1\0"), (4, b"n+2\0"))  # by offset


@dataclass(frozen=True, kw_only=True)
class NewImage:
    """The volume on the axes that training had, and what is needed to put a mask back.

    `warning` is why its own header says that it may be no axial FLAIR, `patient_id` whose DICOM says that it is.
    `spatial_header` is that of a NIfTI file, `slice_names` are the files of TIFF slices.
    """

    kind: Kind
    images: PatientImages
    notes: tuple[str, ...] = ()
    warning: str | None = None
    patient_id: str | None = None
    spatial_header: Mapping[str, NDArray[Any]] | None = None
    slice_names: tuple[str, ...] = ()


def read_new_image(path: Path, series: str | None = None) -> NewImage:
    """Read a NIfTI file, a DICOM folder or file (`series` names one of several), or a folder of TIFF slices.

    Raises BadInputError naming the file where it is none of these or its content is refused, ConfigError where `series`
    is given for another kind.
    """
    kind = kind_of(path)
    if series is not None and kind != "dicom":
        raise ConfigError(f"--series: {series}: only DICOM has series, {path} is {kind}")
    if kind == "nifti":
        data = path.read_bytes()
        converted = from_volume(PATIENT, read_image(data, str(path)), where=str(path), source=sha256_of(path))
        return NewImage(
            kind=kind, images=converted.images, notes=converted.notes, spatial_header=spatial_header(data, str(path))
        )
    if kind == "tiff":
        found = read_slice_folder(path)
        images = PatientImages(
            patient_id=PATIENT, slices=found.slices, masks=None, spacing_mm=None, positions_mm=None, source=found.sha256
        )
        return NewImage(kind=kind, images=images, notes=found.notes, slice_names=found.names)
    folder, names = (path, files_below(path)) if path.is_dir() else (path.parent, [path.name])
    dicom = read_dicom_input(folder, names, series)
    converted = from_volume(PATIENT, dicom.volume, where=str(path), source=dicom.sha256)
    return NewImage(
        kind=kind,
        images=converted.images,
        notes=(*dicom.notes, *converted.notes),
        warning=dicom.warning,
        patient_id=dicom.patient_id or None,
    )


def check_output(new: Kind, image: Path, output: Path) -> None:
    """Refuse an output of another kind than the image's, or one that would fall on the image. Raises ConfigError."""
    is_nifti = output.name.endswith(NIFTI_ENDINGS)
    if is_nifti == (new == "tiff"):
        expected = "a folder: TIFF slices have no geometry" if new == "tiff" else "a name that ends in .nii.gz or .nii"
        raise ConfigError(f"--output: found {output}, expected {expected}")
    if output.resolve() == image.resolve():
        raise ConfigError(f"--output: {output}: is the image itself, expected another place")


def write_new_mask(new: NewImage, mask: NDArray[np.uint8], output: Path) -> list[Path]:
    """Write a mask (S, H, W) on the grid of the image's own file or files; the paths that were written.

    Raises BadInputError where it is not of the image's shape: it would lie beside it.
    """
    if mask.shape != new.images.slices.shape:
        raise BadInputError(f"{output}: mask {mask.shape}, expected {new.images.slices.shape} as the image")
    if new.kind == "tiff":
        return write_slice_masks(output, new.slice_names, mask)
    affine, axes = new.images.affine, new.images.native_axes
    if affine is None or axes is None:
        raise AssertionError("NIfTI and DICOM have a geometry")
    write_mask(output, mask, affine, axes, spatial_header=new.spatial_header)
    return [output]


def report_path(output: Path) -> Path:
    """The JSON beside a mask: `m.nii.gz` and the folder `m` both have `m.json`."""
    ending = next((ending for ending in reversed(NIFTI_ENDINGS) if output.name.endswith(ending)), "")
    return output.with_name(f"{output.name.removesuffix(ending)}.json")


def kind_of(path: Path) -> Kind:
    """What an image is, by its first bytes. Raises BadInputError where it is none of the three kinds."""
    if path.is_file():
        kind = _kind_of_file(path)
        if kind is None or kind == "tiff":
            expected = "the folder of all slices" if kind else "NIfTI, a DICOM folder or a folder of TIFF slices"
            raise BadInputError(f"{path}: {'one TIFF' if kind else 'not an image that is read'}, expected {expected}")
        return kind
    if not path.is_dir():
        raise BadInputError(f"{path}: missing, expected NIfTI, a DICOM folder or a folder of TIFF slices")
    kinds = {_kind_of_file(path / name) for name in files_below(path)}
    if "dicom" in kinds:
        return "dicom"
    if "tiff" in kinds:
        return "tiff"
    hint = "; name the NIfTI file itself" if "nifti" in kinds else ""
    raise BadInputError(f"{path}: no DICOM file and no TIFF slice in the folder{hint}")


def _kind_of_file(path: Path) -> Kind | None:
    with path.open("rb") as source:
        start = source.read(START_BYTES)
    if start.startswith(TIFF_STARTS):
        return "tiff"
    if is_gzip(start) or any(start[place : place + len(magic)] == magic for place, magic in _NIFTI_MAGIC):
        return "nifti"
    return None if layout_of(start) is None else "dicom"
