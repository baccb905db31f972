"""A volume from the single-frame DICOM files of one MR series, ordered by geometry and by nothing else.

Instance numbers and the order in the archive are those of a database, not of the head.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.imaging.dicom_file import (
    direction_cosines,
    number_of,
    parse_dicom,
    pixel_spacing,
    quarantine,
    required_numbers,
)
from mgi.imaging.series_zip import read_dicom_members
from mgi.imaging.slice_order import Placement, order_slices

MAX_VOLUME_BYTES = 1 << 30
TAGS = ("ScanningSequence", "InversionTime", "EchoTime", "RepetitionTime", "MagneticFieldStrength", "SliceThickness")
_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True, kw_only=True)
class Volume:
    """Voxels (S, H, W), int16 or float32, inferior to superior where the series is axial.

    `affine` maps the index (k, i, j, 1) of slice, row, column to LPS millimetres. `spacing_mm` is slice, row, column.
    `positions_mm` is each slice's place along the normal. `tags` are of the first slice, None where absent.
    `notes` says what was dropped.
    """

    series_uid: str
    frame_of_reference_uid: str | None
    voxels: NDArray[Any]
    affine: NDArray[np.float64]
    spacing_mm: tuple[float, float, float]
    positions_mm: NDArray[np.float64]
    sop_uids: tuple[str, ...]
    tags: dict[str, float | str | None]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Slice:
    """What one file says, as plain values; `stored` (H, W) is already inverted where the file is MONOCHROME1."""

    placement: Placement
    series_uid: str
    frame_of_reference_uid: str | None
    stored: NDArray[Any] = field(repr=False)
    slope: float
    intercept: float
    tags: dict[str, float | str | None]


def read_series(path: Path | str, series_uid: str) -> Volume:
    """Decode a downloaded series archive.

    Raises BadInputError naming the series and the field where files disagree, slices are missing or pixels are short.
    """
    return volume_of(read_dicom_members(path), series_uid)


def volume_of(members: Iterable[tuple[str, bytes]], series_uid: str) -> Volume:
    """Decode the files (name, bytes) of one series; the names serve messages only.

    Raises BadInputError as `read_series` does.
    """
    slices, total = [], 0
    for name, data in members:
        found = _read_slice(data, f"series {series_uid}: {name}")
        total += found.stored.size * 4
        if total > MAX_VOLUME_BYTES:
            raise BadInputError(f"series {series_uid}: more than {MAX_VOLUME_BYTES} bytes of voxels")
        if found.series_uid != series_uid:
            raise BadInputError(
                f"series {series_uid}: {name}: SeriesInstanceUID {found.series_uid}, expected the series'"
            )
        slices.append(found)
    where = f"series {series_uid}"
    order = order_slices([entry.placement for entry in slices], where)
    slices = [slices[index] for index in order.indexes]
    references = {entry.frame_of_reference_uid for entry in slices}
    if len(references) > 1:
        raise BadInputError(f"{where}: FrameOfReferenceUID: {len(references)} values, expected one")
    return Volume(
        series_uid=series_uid,
        frame_of_reference_uid=slices[0].frame_of_reference_uid,
        voxels=_rescale(slices, where),
        affine=order.affine,
        spacing_mm=order.spacing_mm,
        positions_mm=order.positions_mm,
        sop_uids=tuple(entry.placement.sop_uid for entry in slices),
        tags=slices[0].tags,
        notes=order.notes,
    )


def _read_slice(data: bytes, where: str) -> _Slice:
    with quarantine(where):
        dataset = parse_dicom(data, where)
        for keyword, expected in (("NumberOfFrames", 1), ("SamplesPerPixel", 1)):
            if (found := number_of(dataset, keyword, where)) not in (None, expected):
                raise BadInputError(f"{where}: {keyword} {found:g}, expected {expected}")
        slope, intercept = number_of(dataset, "RescaleSlope", where), number_of(dataset, "RescaleIntercept", where)
        if slope == 0:
            raise BadInputError(f"{where}: RescaleSlope 0, expected another number")
        return _Slice(
            placement=_placement(dataset, where),
            series_uid=str(dataset.get("SeriesInstanceUID", "")),
            frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID") or "") or None,
            stored=_stored_pixels(dataset, where),
            slope=1.0 if slope is None else slope,
            intercept=0.0 if intercept is None else intercept,
            tags={keyword: _tag(dataset, keyword) for keyword in TAGS},
        )
    raise AssertionError("unreachable")


def _placement(dataset: Any, where: str) -> Placement:
    instance = number_of(dataset, "InstanceNumber", where)
    return Placement(
        sop_uid=str(dataset.get("SOPInstanceUID", "")),
        instance_number=None if instance is None else int(instance),
        shape=(int(dataset.Rows), int(dataset.Columns)),
        axes=direction_cosines(dataset, where),
        spacing_mm=pixel_spacing(dataset, where),
        position=required_numbers(dataset, "ImagePositionPatient", 3, where),
        thickness_mm=number_of(dataset, "SpacingBetweenSlices", where) or number_of(dataset, "SliceThickness", where),
        moment=tuple(number_of(dataset, keyword, where) for keyword in ("EchoTime", "TemporalPositionIdentifier")),
    )


def _stored_pixels(dataset: Any, where: str) -> NDArray[Any]:
    """Stored values; MONOCHROME1 means that the smallest is white, so it is turned round within its bits."""
    pixels = np.asarray(dataset.pixel_array)
    if pixels.shape != (dataset.Rows, dataset.Columns) or pixels.dtype.kind not in "iu":
        raise BadInputError(f"{where}: PixelData {pixels.dtype} {pixels.shape}, expected integers of Rows x Columns")
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        signed = dataset.PixelRepresentation == 1
        highest_plus_lowest = -1 if signed else 2 ** int(dataset.BitsStored) - 1
        return np.asarray(highest_plus_lowest - pixels.astype(np.int64))
    if dataset.PhotometricInterpretation != "MONOCHROME2":
        raise BadInputError(
            f"{where}: PhotometricInterpretation {dataset.PhotometricInterpretation}, expected MONOCHROME"
        )
    return pixels


def _rescale(slices: list[_Slice], where: str) -> NDArray[Any]:
    """One array of all slices: int16 where every rescaled value is such an integer, else float32."""
    exact = all(float(entry.slope).is_integer() and float(entry.intercept).is_integer() for entry in slices)
    lows = [_rescaled(value, entry) for entry in slices for value in (entry.stored.min(), entry.stored.max())]
    if min(lows) == max(lows):
        raise BadInputError(f"{where}: PixelData: every voxel is {min(lows):g}, expected an image")
    dtype = np.int16 if exact and _INT16.min <= min(lows) and max(lows) <= _INT16.max else np.float32
    voxels = np.empty((len(slices), *slices[0].stored.shape), dtype)
    with np.errstate(over="ignore"):  # refused below
        for target, entry in zip(voxels, slices, strict=True):
            target[...] = entry.stored * entry.slope + entry.intercept
    if not np.isfinite(voxels).all():
        raise BadInputError(f"{where}: PixelData: not finite after rescaling with RescaleSlope and RescaleIntercept")
    return voxels


def _rescaled(value: Any, entry: _Slice) -> float:
    return float(value) * entry.slope + entry.intercept


def _tag(dataset: Any, keyword: str) -> float | str | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    return float(value) if isinstance(value, int | float) else "\\".join([value] if isinstance(value, str) else value)
