"""A volume from the DICOM files of one MR series, ordered by geometry and by nothing else.

Instance numbers and the order in the archive are those of a database, not of the head. Where a series holds more than
one volume (localisers, echoes, repeated scans), a choice is made only where the tags leave one, it is named in the
notes, and else refused.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.zips import opened_zip, read_member
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.dicom_slices import ACQUISITION_KEYS, DicomSlice, slices_of
from mgi.modalities.flair.sequence import MIN_ECHO_MS, confirm_flair
from mgi.modalities.flair.slice_order import AXIS_TOLERANCE, order_slices, stack_normal

MAX_VOLUME_BYTES = 1 << 30
_INT16 = np.iinfo(np.int16)
MAX_STRAY_SHARE = 0.2  # of the largest stack: three localiser slices beside thirty, not two volumes of a kind
_SAME_POSITION_MM = 1e-2


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


def choose_stack(slices: Sequence[DicomSlice], where: str) -> tuple[list[DicomSlice], tuple[str, ...]]:
    """Return the slices of one orientation and one acquisition, and what was left out."""
    kept, stray = _one_orientation(slices, where)
    kept, other = _one_acquisition(kept, where)
    return kept, (*stray, *other)


def _one_orientation(slices: Sequence[DicomSlice], where: str) -> tuple[list[DicomSlice], tuple[str, ...]]:
    axes = np.array([entry.placement.axes for entry in slices])
    if not len(axes) or np.abs(axes - axes[0]).max() <= AXIS_TOLERANCE:
        return list(slices), ()
    groups: list[list[DicomSlice]] = []
    for entry in slices:
        for group in groups:
            if np.abs(entry.placement.axes - group[0].placement.axes).max() <= AXIS_TOLERANCE:
                group.append(entry)
                break
        else:
            groups.append([entry])
    groups.sort(key=len, reverse=True)
    stray = [entry for group in groups[1:] for entry in group]
    if len(stray) > MAX_STRAY_SHARE * len(groups[0]):
        first, second = (np.round(group[0].placement.axes.ravel(), 3).tolist() for group in groups[:2])
        raise BadInputError(
            f"{where}: ImageOrientationPatient: found {first} in {len(groups[0])} slices beside {second} in "
            f"{len(groups[1])}, expected one value in all slices"
        )
    return groups[0], (f"left out {len(stray)} slices of another orientation than the other {len(groups[0])}",)


def _one_acquisition(slices: list[DicomSlice], where: str) -> tuple[list[DicomSlice], tuple[str, ...]]:
    """Return the slices of the echo, time point or acquisition that is the FLAIR by its tags, where positions repeat.

    A few slices that were taken again are no acquisition of their own: slice_order keeps one of each.
    """
    positions = _positions(slices)
    if len(set(positions)) == len(slices):
        return slices, ()
    for index, keyword in enumerate(ACQUISITION_KEYS):
        values = [entry.placement.acquisition_key[index] for entry in slices]
        if not _tells_repeats_apart(positions, values):
            continue
        groups = {value: [entry for entry, own in zip(slices, values, strict=True) if own == value] for value in values}
        if keyword == "AcquisitionNumber":
            full = {value: group for value, group in groups.items() if set(_positions(group)) == set(positions)}
            if not full:
                continue
            groups = full
        fitting = list(groups) if len(groups) == 1 else [value for value in groups if _is_flair(groups[value][0])]
        if len(fitting) != 1:
            found = ", ".join(
                _text(value) for value in sorted(groups, key=lambda value: -1.0 if value is None else value)
            )
            raise BadInputError(
                f"{where}: {keyword}: found {found} at the same positions, expected one that is a FLAIR"
            )
        group = groups[fitting[0]]
        kept, notes = _one_acquisition(group, where)
        return kept, (f"took the {len(group)} of {len(slices)} slices with {keyword} {_text(fitting[0])}", *notes)
    return slices, ()


def _is_flair(entry: DicomSlice) -> bool:
    # Any orientation will do: a sagittal scan is cut into axial slices later.
    tags = {keyword: value for keyword, value in entry.tags.items() if keyword != "ImageOrientationPatient"}
    echo = tags.get("EchoTime")
    return isinstance(echo, float) and echo >= MIN_ECHO_MS and confirm_flair(tags) is None


def _positions(slices: Sequence[DicomSlice]) -> list[int]:
    """Return the position of each slice along the normal of their one orientation, in hundredths of a millimetre."""
    if not slices:
        return []
    positions = np.array([entry.placement.position for entry in slices])
    along = positions @ stack_normal(slices[0].placement.axes)
    return [round(position) for position in (along / _SAME_POSITION_MM).tolist()]


def _tells_repeats_apart(positions: list[int], values: list[float | None]) -> bool:
    repeated = {position for position, count in Counter(positions).items() if count > 1}
    pairs = {(position, value) for position, value in zip(positions, values, strict=True) if position in repeated}
    return len(pairs) > len(repeated)


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
