"""A volume from the DICOM files of one MR series, ordered by geometry and by nothing else.

Instance numbers and the order in the archive are those of a database, not of the head.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.zips import opened_zip, read_member
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.dicom_slices import DicomSlice, slices_of
from mgi.modalities.flair.dicom_stacks import choose_stack
from mgi.modalities.flair.slice_order import order_slices

MAX_VOLUME_BYTES = 1 << 30
_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True, kw_only=True)
class Volume:
    """Voxels (S, H, W), int16 or float32, inferior to superior where the series is axial.

    `affine` maps the index (k, i, j, 1) of slice, row, column to LPS millimetres. `positions_mm` is each slice's
    position along the normal. `notes` says what was dropped.
    """

    series_uid: str
    frame_of_reference_uid: str | None
    voxels: NDArray[Any]
    affine: NDArray[np.float64]
    positions_mm: NDArray[np.float64]
    notes: tuple[str, ...]


def read_dicom_members(path: Path | str) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of every `.dcm` member of a downloaded series, in order of name; others are ignored.

    Sizes are checked before anything is inflated, CRCs while it is.
    Raises BadInputError where the archive is not a plain zip of files of sane size, or has no such member.
    """
    with opened_zip(path) as archive:
        images = [info for info in archive.infolist() if info.filename.lower().endswith(".dcm")]
        if not images:
            raise BadInputError(f"{path}: no .dcm member, expected a series of DICOM files")
        for info in sorted(images, key=lambda info: info.filename):
            yield info.filename, read_member(archive, info, label=str(path))


def volume_of(members: Iterable[tuple[str, bytes]], series_uid: str) -> Volume:
    """Decode the files (name, bytes) of one series; the names serve messages only.

    Raises BadInputError naming the series and the field where files disagree, slices are missing or pixels are short.
    """
    where = f"series {series_uid}"
    chosen, notes = choose_stack(_checked_slices(members, series_uid), where)
    order = order_slices([entry.placement for entry in chosen], where)
    slices = [chosen[index] for index in order.indexes]
    references = {entry.frame_of_reference_uid for entry in slices}
    if len(references) > 1:
        raise BadInputError(f"{where}: FrameOfReferenceUID: {len(references)} values, expected one")
    return Volume(
        series_uid=series_uid,
        frame_of_reference_uid=slices[0].frame_of_reference_uid,
        voxels=_rescale(slices, where),
        affine=order.affine,
        positions_mm=order.positions_mm,
        notes=(*notes, *order.notes),
    )


def _checked_slices(members: Iterable[tuple[str, bytes]], series_uid: str) -> list[DicomSlice]:
    slices, total = [], 0
    for name, data in members:
        for found in slices_of(DicomFile(data, f"series {series_uid}: {name}"), series_uid):
            total += found.stored.size * 4
            if total > MAX_VOLUME_BYTES:
                raise BadInputError(f"series {series_uid}: more than {MAX_VOLUME_BYTES} bytes of voxels")
            slices.append(found)
    return slices


def _rescale(slices: list[DicomSlice], where: str) -> NDArray[Any]:
    """Return one array of all slices: int16 where every rescaled value is such an integer, else float32."""
    exact = all(float(entry.slope).is_integer() and float(entry.intercept).is_integer() for entry in slices)
    ends = [
        float(value) * entry.slope + entry.intercept
        for entry in slices
        for value in (entry.stored.min(), entry.stored.max())
    ]
    if min(ends) == max(ends):
        raise BadInputError(f"{where}: PixelData: every voxel is {min(ends):g}, expected an image")
    dtype = np.int16 if exact and _INT16.min <= min(ends) and max(ends) <= _INT16.max else np.float32
    voxels = np.empty((len(slices), *slices[0].stored.shape), dtype)
    with np.errstate(over="ignore"):  # refused below
        for target, entry in zip(voxels, slices, strict=True):
            plain = entry.slope == 1 and entry.intercept == 0
            target[...] = entry.stored if plain else entry.stored * entry.slope + entry.intercept
    if dtype is np.float32 and not np.isfinite(voxels).all():
        raise BadInputError(f"{where}: PixelData: not finite after rescaling with RescaleSlope and RescaleIntercept")
    return voxels
