"""Masks from DICOM Segmentation objects (binary or fractional), on the grid that the object itself states."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom import Volume
from mgi.modalities.flair.dicom_file import DicomFile, direction_cosines, number_of, pixel_spacing, required_numbers
from mgi.modalities.flair.dicom_slices import decoded_pixels, required_group
from mgi.modalities.flair.geometry import EMPTY_MASK, resample_mask
from mgi.modalities.flair.header import header_of
from mgi.modalities.flair.quarantine import quarantine
from mgi.modalities.flair.slice_order import grid_affine, stack_normal

MAX_SLICES = 5_000
_GROUPS = ("PixelMeasuresSequence", "PlaneOrientationSequence", "PlanePositionSequence")
_OFF_GRID = 0.05  # of a slice step, the rounding that positions may carry
_LEAST_STEP_MM = 1e-3


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """The union of all segments of one object: mask (s, h, w) of 0 and 1, and its affine (see dicom.Volume).

    `referenced_series` are the series that it says it was drawn on.
    """

    series_uid: str
    description: str
    referenced_series: tuple[str, ...]
    frame_of_reference_uid: str | None
    mask: NDArray[np.uint8]
    affine: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Plane:
    axes: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]
    steps_mm: tuple[float | None, ...]


def segmentations_of(members: Iterable[tuple[str, bytes]], series_uid: str) -> list[Segmentation]:
    """Read segmentation objects from their files (name, bytes)."""
    return [segmentation_of(DicomFile(data, f"series {series_uid}: {name}"), series_uid) for name, data in members]


def choose_segmentation(candidates: Sequence[Segmentation], volume: Volume) -> Segmentation:
    """Return the object that was drawn on the image's series, else one in the same frame of reference.

    Of several, a corrected one (by its description) before others, then the highest series UID.
    """
    tied = [one for one in candidates if volume.series_uid in one.referenced_series]
    if not tied and volume.frame_of_reference_uid is not None:
        tied = [one for one in candidates if one.frame_of_reference_uid == volume.frame_of_reference_uid]
    if not tied:
        found = f"none of {len(candidates)} segmentations refers to it or to its FrameOfReferenceUID"
        raise BadInputError(f"series {volume.series_uid}: {found}")
    return max(tied, key=lambda one: ("corrected" in one.description.lower(), one.series_uid))


def mask_on_image(candidates: Sequence[Segmentation], volume: Volume) -> NDArray[np.uint8]:
    """Return the chosen segmentation on the image's grid, as (S, H, W) of 0 and 1."""
    chosen = choose_segmentation(candidates, volume)
    slices, rows, columns = volume.voxels.shape
    mask = resample_mask(chosen.mask, chosen.affine, (slices, rows, columns), volume.affine)
    if not mask.any():
        raise BadInputError(f"series {chosen.series_uid}: {EMPTY_MASK} of series {volume.series_uid}")
    return mask


def segmentation_of(file: DicomFile, series_uid: str) -> Segmentation:
    """Read the segmentation object in a file of the series. Raises BadInputError naming the field."""
    where = file.where
    with quarantine(where):
        file.require_decodable()
        dataset = file.dataset
        if (found := str(dataset.get("SeriesInstanceUID", ""))) != series_uid:
            raise BadInputError(f"{where}: SeriesInstanceUID {found}, expected the series'")
        frames = _frames(file)
        planes, positions = _planes(dataset, len(frames), where)
        mask, affine = _stack(frames, planes, positions, where)
        references = dataset.get("ReferencedSeriesSequence") or []
        return Segmentation(
            series_uid=series_uid,
            description=str(dataset.get("SeriesDescription") or ""),
            referenced_series=tuple(str(item.SeriesInstanceUID) for item in references),
            frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID") or "") or None,
            mask=mask,
            affine=affine,
        )


def _frames(file: DicomFile) -> NDArray[np.bool_]:
    """Return the frames (f, h, w); a fractional one belongs to the mask from half of its maximum on."""
    dataset, where = file.dataset, file.where
    kind = str(dataset.get("SegmentationType", ""))
    if kind not in ("BINARY", "FRACTIONAL"):
        raise BadInputError(f"{where}: SegmentationType {kind or 'missing'}, expected BINARY or FRACTIONAL")
    n_frames = int(required_numbers(dataset, "NumberOfFrames", 1, where)[0])
    if n_frames > MAX_SLICES or n_frames != len(dataset.get("PerFrameFunctionalGroupsSequence") or []):
        raise BadInputError(f"{where}: NumberOfFrames {n_frames}, expected one functional group a frame")
    pixels = decoded_pixels(file, (n_frames, dataset.Rows, dataset.Columns))
    if kind == "FRACTIONAL":
        highest = float(required_numbers(dataset, "MaximumFractionalValue", 1, where)[0])
        return np.asarray(pixels * 2.0 >= highest)
    if pixels.max(initial=0) > 1:
        raise BadInputError(f"{where}: PixelData: found {pixels.max()}, expected 0 and 1 in a BINARY segmentation")
    return pixels > 0


def _planes(dataset: Any, n_frames: int, where: str) -> tuple[list[_Plane], list[NDArray[np.float64]]]:
    """Return what places the frames, each read once where frames share it, and the first voxel of each frame."""
    planes: dict[tuple[int, int], _Plane] = {}
    positions = []
    for index in range(n_frames):
        measures, orientation, position = (required_group(dataset, index, name, where) for name in _GROUPS)
        header = header_of(position, ("ImagePositionPatient",))
        positions.append(required_numbers(header, "ImagePositionPatient", 3, where))
        if (shared := (id(measures), id(orientation))) not in planes:
            planes[shared] = _Plane(
                axes=direction_cosines(orientation, where),
                spacing_mm=pixel_spacing(measures, where),
                steps_mm=tuple(number_of(measures, name, where) for name in ("SpacingBetweenSlices", "SliceThickness")),
            )
    return list(planes.values()), positions


def _stack(
    frames: NDArray[np.bool_], planes: list[_Plane], positions: list[NDArray[np.float64]], where: str
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return one mask with a slice for each place from the first to the last frame; one without frame is empty."""
    first = planes[0]
    for plane in planes:
        if not (np.allclose(plane.axes, first.axes, atol=1e-3) and np.allclose(plane.spacing_mm, first.spacing_mm)):
            raise BadInputError(f"{where}: PlaneOrientation or PixelSpacing: differ between frames, expected one grid")
    normal = stack_normal(first.axes)
    along = np.array([float(normal @ position) for position in positions])
    step = _step_mm(along - along.min(), first, where)
    slice_indexes = np.round((along - along.min()) / step).astype(int)
    if (last := int(slice_indexes.max())) >= MAX_SLICES:
        raise BadInputError(f"{where}: ImagePositionPatient: {last} slices, expected at most {MAX_SLICES}")
    mask = np.zeros((last + 1, *frames.shape[1:]), np.uint8)
    for index, frame in zip(slice_indexes, frames, strict=True):
        mask[index] |= frame
    return mask, grid_affine(positions[int(np.argmin(along))], normal * step, first.axes, first.spacing_mm)


def _step_mm(offsets: NDArray[np.float64], plane: _Plane, where: str) -> float:
    """Return the slice step of all frames: as stated, else the smallest gap, as empty frames may be left out."""
    gaps = np.diff(np.unique(np.round(offsets, 3)))
    smallest = float(gaps.min()) if len(gaps) else None
    for step in (*plane.steps_mm, smallest):
        if step is None or step < _LEAST_STEP_MM:
            continue
        steps = offsets / step
        if np.abs(steps - np.round(steps)).max() <= _OFF_GRID:
            return float(step)
    raise BadInputError(f"{where}: ImagePositionPatient: frames are not evenly spaced, expected one slice step")
