"""A volume from the DICOM files of one MR series, ordered by geometry and by nothing else.

Instance numbers and the order in the archive are those of a database, not of the head.
"""

from collections.abc import Iterable, Iterator, Sequence
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
from mgi.modalities.flair.dicom_voxels import voxels_of
from mgi.modalities.flair.slice_order import order_slices

MAX_VOLUME_BYTES = 1 << 30


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
    return volume_from(_checked_slices(members, series_uid), series_uid)


def volume_from(found: Sequence[DicomSlice], series_uid: str) -> Volume:
    """Put together the slices of one series, in any order. Raises BadInputError as `volume_of` does."""
    where = f"series {series_uid}"
    chosen, notes = choose_stack(found, where)
    order = order_slices([entry.placement for entry in chosen], where)
    slices = [chosen[index] for index in order.indexes]
    references = {entry.frame_of_reference_uid for entry in slices}
    if len(references) > 1:
        raise BadInputError(f"{where}: FrameOfReferenceUID: {len(references)} values, expected one")
    voxels, padding = voxels_of(slices, where)
    return Volume(
        series_uid=series_uid,
        frame_of_reference_uid=slices[0].frame_of_reference_uid,
        voxels=voxels,
        affine=order.affine,
        positions_mm=order.positions_mm,
        notes=(*notes, *order.notes, *padding),
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
