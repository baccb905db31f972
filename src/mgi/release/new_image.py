"""A new patient's image in any of three kinds, told apart by content, and masks on its own grid."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import sha256_of
from mgi.locks.user_folder import files_below
from mgi.modalities.flair.dicom_layout import START_BYTES, layout_of
from mgi.modalities.flair.file_names import EXPECTED, flair_files, is_nifti_name
from mgi.modalities.flair.new_series import read_dicom_input
from mgi.modalities.flair.nifti import count_volumes, is_gzip, read_image, spatial_header
from mgi.modalities.flair.nifti_output import write_mask, write_probability
from mgi.modalities.flair.patient_sources import NIFTI_ENDINGS, from_volume
from mgi.modalities.flair.slice_folder import read_slice_folder, write_beside_slices, write_slice_masks
from mgi.modalities.flair.slice_image import STARTS
from mgi.shards.channels import MAIN_ALONE, Channel, require_channels
from mgi.shards.image_shard import PatientImages

Kind = Literal["nifti", "dicom", "slices"]
_FileKind = Literal["nifti", "dicom", "TIFF", "PNG"]
PATIENT = "new"
PROBABILITY = "_probability"  # after the name of the mask that the probabilities belong to
_NIFTI_MAGIC = ((344, b"n+1\0"), (4, b"n+2\0"))  # by offset


@dataclass(frozen=True, kw_only=True)
class NewImage:
    """The volume on the axes that training had, and what is needed to put a mask back.

    `warning` is why its own header says that it may be no FLAIR, `not_axial` why it was not scanned in axial slices,
    `patient_id` whose DICOM says that it is. `spatial_header` is that of NIfTI, `slice_names` are the files of slices.
    """

    kind: Kind
    images: PatientImages
    notes: tuple[str, ...] = ()
    warning: str | None = None
    not_axial: str | None = None
    patient_id: str | None = None
    spatial_header: Mapping[str, NDArray[Any]] | None = None
    slice_names: tuple[str, ...] = ()


def read_new_image(
    path: Path, series: str | None = None, volume: int | None = None, channels: tuple[Channel, ...] = MAIN_ALONE
) -> NewImage:
    """Read a NIfTI file, a DICOM folder or file, or a folder of TIFF or PNG slices.

    `series` names one of several of DICOM, `volume` one of several of NIfTI, from 0; `channels` are those that the
    network reads: only RGB slices have more than FLAIR. Raises BadInputError naming the file where it is none of these,
    lacks a channel or its content is refused, ConfigError where `series` or `volume` is not there or of another kind of
    image.
    """
    kind = kind_of(path)
    if series is not None and kind != "dicom":
        raise ConfigError(f"--series: {series}: only DICOM has series, {path} is {kind}")
    if volume is not None and kind != "nifti":
        raise ConfigError(f"--volume: {volume}: only NIfTI has volumes, {path} is {kind}")
    if kind == "slices":
        return _slices(path, channels)
    require_channels(MAIN_ALONE, channels, f"{path}: {kind}")
    return _nifti(path, volume) if kind == "nifti" else _dicom(path, series)


def _nifti(path: Path, volume: int | None) -> NewImage:
    data, where = path.read_bytes(), str(path)
    n_volumes = count_volumes(data, where)
    numbered = f"from 0 to {n_volumes - 1}"
    if volume is None and n_volumes > 1:
        raise BadInputError(f"{path}: {n_volumes} volumes, expected one; choose the FLAIR with --volume, {numbered}")
    if volume is not None and not 0 <= volume < n_volumes:
        raise ConfigError(f"--volume: found {volume}, expected a number {numbered}: {path} has {n_volumes} volumes")
    converted = from_volume(PATIENT, read_image(data, where, volume), where=where, source=sha256_of(path))
    taken = () if volume is None else (f"volume {volume}, {numbered}",)
    notes = (*taken, *converted.notes)
    return NewImage(kind="nifti", images=converted.images, notes=notes, spatial_header=spatial_header(data, where))


def _slices(path: Path, channels: tuple[Channel, ...]) -> NewImage:
    found = read_slice_folder(path, channels)
    images = PatientImages(
        patient_id=PATIENT,
        slices=found.slices,
        masks=None,
        spacing_mm=None,
        positions_mm=None,
        source=found.sha256,
        others=found.others,
        channels=channels,
    )
    return NewImage(kind="slices", images=images, notes=found.notes, slice_names=found.names)


def _dicom(path: Path, series: str | None) -> NewImage:
    folder, names = (path, files_below(path)) if path.is_dir() else (path.parent, [path.name])
    dicom = read_dicom_input(folder, names, series)
    converted = from_volume(PATIENT, dicom.volume, where=str(path), source=dicom.sha256)
    return NewImage(
        kind="dicom",
        images=converted.images,
        notes=(*dicom.notes, *converted.notes),
        warning=dicom.warning,
        not_axial=dicom.not_axial,
        patient_id=dicom.patient_id or None,
    )


def check_output(new: Kind, image: Path, output: Path) -> None:
    """Refuse an output of another kind than the image's, or one that would fall on the image. Raises ConfigError."""
    is_nifti = output.name.endswith(NIFTI_ENDINGS)
    if is_nifti == (new == "slices"):
        is_folder = "a folder: TIFF and PNG slices have no geometry"
        expected = is_folder if new == "slices" else "a name that ends in .nii.gz or .nii"
        raise ConfigError(f"--output: found {output}, expected {expected}")
    if output.resolve() == image.resolve():
        raise ConfigError(f"--output: {output}: is the image itself, expected another place")


def write_new_mask(new: NewImage, mask: NDArray[np.uint8], output: Path) -> list[Path]:
    """Write a mask (S, H, W) on the grid of the image's own file or files; the paths that were written.

    Raises BadInputError where it is not of the image's shape: it would lie beside it.
    """
    if mask.shape != new.images.slices.shape:
        raise BadInputError(f"{output}: mask {mask.shape}, expected {new.images.slices.shape} as the image")
    if new.kind == "slices":
        return write_slice_masks(output, new.slice_names, mask)
    write_mask(output, mask, *_grid(new), spatial_header=new.spatial_header)
    return [output]


def write_new_probability(new: NewImage, probability: NDArray[np.uint8], output: Path) -> list[Path]:
    """Write floor(256 p) (S, H, W) beside the mask at `output`: `m_probability.nii.gz`, or a folder `m_probability`.

    NIfTI has a slope of 1/256, so that readers see p; pictures of slices are grey levels of 0 to 255.
    """
    path = beside(output, PROBABILITY)
    if new.kind == "slices":
        return write_beside_slices(path, new.slice_names, probability, PROBABILITY)
    write_probability(path, probability, *_grid(new), spatial_header=new.spatial_header)
    return [path]


def _grid(new: NewImage) -> tuple[NDArray[np.float64], str]:
    if new.images.affine is None or new.images.native_axes is None:
        raise AssertionError("NIfTI and DICOM have a geometry")
    return new.images.affine, new.images.native_axes


def report_path(output: Path) -> Path:
    """The JSON beside a mask: `m.nii.gz` and the folder `m` both have `m.json`."""
    return output.with_name(f"{output.name.removesuffix(_ending_of(output))}.json")


def beside(output: Path, more: str) -> Path:
    """A name like `output` with `more` before its ending."""
    ending = _ending_of(output)
    return output.with_name(f"{output.name.removesuffix(ending)}{more}{ending}")


def _ending_of(output: Path) -> str:
    return next((ending for ending in reversed(NIFTI_ENDINGS) if output.name.endswith(ending)), "")


def kind_of(path: Path) -> Kind:
    """What an image is, by its first bytes. Raises BadInputError where it is none of the three kinds."""
    expected = "NIfTI, a DICOM folder or a folder of TIFF or PNG slices"
    if path.is_file():
        kind = _kind_of_file(path)
        if kind is None:
            raise BadInputError(f"{path}: not an image that is read, expected {expected}")
        if kind == "TIFF" or kind == "PNG":
            raise BadInputError(f"{path}: one {kind}, expected the folder of all slices")
        return kind
    if not path.is_dir():
        raise BadInputError(f"{path}: missing, expected {expected}")
    names = files_below(path)
    kinds = {_kind_of_file(path / name) for name in names}
    if "dicom" in kinds:
        return "dicom"
    if "TIFF" in kinds or ("PNG" in kinds and "nifti" not in kinds):  # beside NIfTI a PNG is a picture of it
        return "slices"
    raise BadInputError(f"{path}: no DICOM file and no TIFF or PNG slice in the folder{_nifti_hint(names, kinds)}")


def image_in(path: Path) -> Path:
    """The image of a patient's folder: the folder itself of DICOM or slices, else its one NIfTI file that is a FLAIR.

    Raises BadInputError where no file or several are called so, or nothing is an image.
    """
    names = files_below(path)
    if any(_kind_of_file(path / name) in ("dicom", "TIFF") for name in names):
        return path
    flair = flair_files(names)
    if len(flair) > 1:
        raise BadInputError(f"{path}: {len(flair)} NIfTI files may be the FLAIR ({flair[0]}, {flair[1]}), expected one")
    if not flair and any(map(is_nifti_name, names)):
        raise BadInputError(f"{path}: no NIfTI file is called FLAIR, expected {EXPECTED}")
    if not flair:
        kind_of(path)
    return path / flair[0] if flair else path


def _nifti_hint(names: Sequence[str], kinds: Collection[str | None]) -> str:
    """What to do with a folder of NIfTI files, which are not looked for in the place of slices."""
    if "nifti" not in kinds:
        return ""
    flair = flair_files(names)
    if len(flair) > 1:
        return f"; {len(flair)} NIfTI files are: name one, such as {flair[0]}, or predict all with --folder"
    return f"; name the NIfTI file itself, {flair[0]}" if flair else "; name the NIfTI file itself"


def _kind_of_file(path: Path) -> _FileKind | None:
    with path.open("rb") as source:
        start = source.read(START_BYTES)
    if start.startswith(STARTS["TIFF"]):
        return "TIFF"
    if start.startswith(STARTS["PNG"]):
        return "PNG"
    if is_gzip(start) or any(start[place : place + len(magic)] == magic for place, magic in _NIFTI_MAGIC):
        return "nifti"
    return None if layout_of(start) is None else "dicom"
