"""Masks from DICOM Segmentation objects (binary or fractional): the segments that say tumour, on their own grid."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_file import DicomFile, direction_cosines, number_of, pixel_spacing, required_numbers
from mgi.modalities.flair.dicom_pixels import decoded_pixels
from mgi.modalities.flair.dicom_slices import functional_group, required_group
from mgi.modalities.flair.header import header_of
from mgi.modalities.flair.quarantine import printable, quarantine
from mgi.modalities.flair.seg_planes import MAX_SLICES, Grid, SegPlanes, planes_of
from mgi.modalities.flair.seg_segments import Segment, choose_tumour, read_segments

_GROUPS = ("PixelMeasuresSequence", "PlaneOrientationSequence", "PlanePositionSequence")
_TEXTS = ("SeriesDescription", "ContentLabel", "ContentDescription")


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """The union of the tumour's segments of one object, by `planes`.

    `description` is all that it is called, `referenced_series` are the series that it says it was drawn on, `segments`
    those that were joined, `drawn_at` is its date and time (text that sorts), None where it states none.
    """

    series_uid: str
    sop_uid: str = ""
    description: str
    referenced_series: tuple[str, ...]
    frame_of_reference_uid: str | None
    segments: tuple[Segment, ...] = ()
    drawn_at: str | None = None
    planes: SegPlanes
    notes: tuple[str, ...] = ()

    @cached_property
    def grid(self) -> Grid:
        """Mask (s, h, w) of 0 and 1, and its affine (see dicom.Volume)."""
        return self.planes.grid(f"series {self.series_uid}")

    @property
    def mask(self) -> NDArray[np.uint8]:
        """The mask of its grid."""
        return self.grid[0]

    @property
    def affine(self) -> NDArray[np.float64]:
        """The affine of its grid."""
        return self.grid[1]


def segmentations_of(members: Iterable[tuple[str, bytes]], series_uid: str) -> list[Segmentation]:
    """Read segmentation objects from their files (name, bytes)."""
    return [segmentation_of(DicomFile(data, f"series {series_uid}: {name}"), series_uid) for name, data in members]


def segmentation_of(file: DicomFile, series_uid: str) -> Segmentation:
    """Read the segmentation object in a file of the series.

    Raises BadInputError naming the field, also where no segment says tumour or nothing is drawn in those that do.
    """
    where = file.where
    with quarantine(where):
        file.require_decodable()
        dataset = file.dataset
        if (found := str(dataset.get("SeriesInstanceUID", ""))) != series_uid:
            raise BadInputError(f"{where}: SeriesInstanceUID {found}, expected the series'")
        frames = _frames(file)
        description = " ".join(str(dataset.get(name) or "") for name in _TEXTS)
        every = read_segments(dataset, where)
        segments, notes = choose_tumour(every, description, where)
        numbers = _segment_numbers(dataset, len(frames), every, where)
        frames = frames & np.isin(numbers, [one.number for one in segments])[:, None, None]
        if not frames.any():
            raise BadInputError(f"{where}: PixelData: nothing drawn in {', '.join(one.named for one in segments)}")
        planes = _planes(dataset, frames, where)
        planes.grid(where)
        references = dataset.get("ReferencedSeriesSequence") or []
        return Segmentation(
            series_uid=series_uid,
            sop_uid=str(dataset.get("SOPInstanceUID") or ""),
            description=printable(description, 200),
            referenced_series=tuple(str(item.SeriesInstanceUID) for item in references),
            frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID") or "") or None,
            segments=tuple(segments),
            drawn_at=_drawn_at(dataset),
            planes=planes,
            notes=notes,
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


def _segment_numbers(dataset: Any, n_frames: int, segments: list[Segment], where: str) -> list[int]:
    """Return the number of the segment that each frame is of; the sole segment's where frames do not say it."""
    known = {one.number for one in segments}
    numbers = []
    for index in range(n_frames):
        group = functional_group(dataset, index, "SegmentIdentificationSequence")
        stated = None if group is None else group.get("ReferencedSegmentNumber")
        number = min(known) if stated is None and len(known) == 1 else stated
        if number not in known:
            found = f"frame {index}: ReferencedSegmentNumber {'missing' if stated is None else stated}"
            raise BadInputError(f"{where}: {found}, expected one of {', '.join(map(str, sorted(known)))}")
        numbers.append(int(number))
    return numbers


def _planes(dataset: Any, frames: NDArray[np.bool_], where: str) -> SegPlanes:
    """Return what places the frames, each group read once where frames share it. All must lie on one grid."""
    first: tuple[NDArray[np.float64], NDArray[np.float64], list[float | None]] | None = None
    seen: set[tuple[int, int]] = set()
    positions = []
    for index in range(len(frames)):
        measures, orientation, position = (required_group(dataset, index, name, where) for name in _GROUPS)
        header = header_of(position, ("ImagePositionPatient",))
        positions.append(required_numbers(header, "ImagePositionPatient", 3, where))
        if (shared := (id(measures), id(orientation))) in seen:
            continue
        seen.add(shared)
        axes, spacing = direction_cosines(orientation, where), pixel_spacing(measures, where)
        if first is None:
            stated = [number_of(measures, name, where) for name in ("SpacingBetweenSlices", "SliceThickness")]
            first = axes, spacing, stated
        if not (np.allclose(axes, first[0], atol=1e-3) and np.allclose(spacing, first[1])):
            raise BadInputError(f"{where}: PlaneOrientation or PixelSpacing: differ between frames, expected one grid")
    if first is None:
        raise BadInputError(f"{where}: NumberOfFrames 0, expected a frame")
    return planes_of(frames, positions, *first)


def _drawn_at(dataset: Any) -> str | None:
    """Return when the object was made, else its series, as digits that sort; None where neither is stated."""
    for date, time in (("ContentDate", "ContentTime"), ("SeriesDate", "SeriesTime")):
        if stated := str(dataset.get(date) or ""):
            return f"{stated} {str(dataset.get(time) or '').replace(':', '')}".strip()
    return None
