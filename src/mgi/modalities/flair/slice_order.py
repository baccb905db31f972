"""The order of a series' slices, and its grid, from positions and orientations alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

MAX_GAP_RATIO = 1.5
SAME_POSITION = 1e-3  # of the median gap; also the least in mm, as positions are printed with few decimals
AXIS_TOLERANCE = 1e-3
_SPACING_TOLERANCE = 1e-3
_NO_INSTANCE = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a slice lies: axes (2, 3) are unit vectors along a row and down a column, position is its first voxel.

    `acquisition_key` (dicom_slices.ACQUISITION_KEYS) tells copies of a slice from other acquisitions at its position.
    """

    sop_uid: str
    instance_number: int | None
    shape: tuple[int, int]
    axes: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]
    position: NDArray[np.float64]
    thickness_mm: float | None
    acquisition_key: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class SliceOrder:
    """Indexes into the given slices, first to last, and the grid that they make (see dicom.Volume)."""

    indexes: list[int]
    affine: NDArray[np.float64]
    positions_mm: NDArray[np.float64]
    notes: tuple[str, ...]


def order_slices(placements: list[Placement], where: str) -> SliceOrder:
    """Sort along the normal, drop repeated positions, and refuse what is not one evenly spaced stack."""
    if not placements:
        raise BadInputError(f"{where}: no slices")
    _require_one_grid(placements, where)
    normal = stack_normal(placements[0].axes)
    along = np.array([entry.position for entry in placements]) @ normal
    indexes, notes = _without_repeats(placements, along, where)
    positions = along[indexes]
    step = _step_mm(positions, placements[indexes[0]], where)
    first, last = placements[indexes[0]], placements[indexes[-1]]
    axis = (last.position - first.position) / (len(indexes) - 1) if len(indexes) > 1 else normal * step
    affine = grid_affine(first.position, axis, first.axes, first.spacing_mm)
    return SliceOrder(indexes=indexes, affine=affine, positions_mm=positions, notes=notes)


def stack_normal(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit normal of a slice that points to whichever of head, back and left (LPS) is nearest."""
    normal = np.cross(axes[0], axes[1])
    normal = normal / np.linalg.norm(normal)
    return np.asarray(normal * np.sign(normal[np.argmax(np.abs(normal))]))


def grid_affine(
    origin: NDArray[np.float64], step: NDArray[np.float64], axes: NDArray[np.float64], spacing_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the affine (4, 4) from the index (k, i, j, 1) to LPS mm; `spacing_mm` is between rows, between columns."""
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = axes[1] * spacing_mm[0]
    affine[:3, 2] = axes[0] * spacing_mm[1]
    affine[:3, 3] = origin
    return affine


def _require_one_grid(placements: list[Placement], where: str) -> None:
    first = placements[0]
    for entry in placements[1:]:
        if entry.shape != first.shape:
            _disagree("Rows and Columns", entry.shape, first.shape, where)
        if np.abs(entry.axes - first.axes).max() > AXIS_TOLERANCE:
            _disagree("ImageOrientationPatient", entry.axes.ravel().tolist(), first.axes.ravel().tolist(), where)
        if (np.abs(entry.spacing_mm - first.spacing_mm) > _SPACING_TOLERANCE * first.spacing_mm).any():
            _disagree("PixelSpacing", entry.spacing_mm.tolist(), first.spacing_mm.tolist(), where)


def _disagree(field: str, found: Any, expected: Any, where: str) -> None:
    raise BadInputError(f"{where}: {field}: found {found} beside {expected}, expected one value in all slices")


def _without_repeats(
    placements: list[Placement], along: NDArray[np.float64], where: str
) -> tuple[list[int], tuple[str, ...]]:
    """Return the indexes sorted by position; of slices at one position the lowest instance number stays."""

    def rank(index: int) -> tuple[float, int, str]:
        instance = placements[index].instance_number
        return float(along[index]), _NO_INSTANCE if instance is None else instance, placements[index].sop_uid

    by_position = sorted(range(len(placements)), key=rank)
    gaps = np.diff(along[by_position])
    real_gaps = gaps[gaps > SAME_POSITION]
    tolerance = max(SAME_POSITION, SAME_POSITION * float(np.median(real_gaps))) if len(real_gaps) else SAME_POSITION
    groups: list[list[int]] = []
    for index in by_position:
        if groups and along[index] - along[groups[-1][0]] <= tolerance:
            groups[-1].append(index)
        else:
            groups.append([index])
    kept, notes = [], []
    for group in groups:
        # Acquisitions may repeat a slice; two echoes or time points at one place are never copies.
        if len({placements[index].acquisition_key[:2] for index in group}) > 1:
            raise BadInputError(f"{where}: EchoTime or TemporalPositionIdentifier: several values at one position")
        group.sort(key=lambda index: rank(index)[1:])
        kept.append(group[0])
        notes += [
            f"dropped instance {placements[index].instance_number}: repeats the position of instance "
            f"{placements[group[0]].instance_number}"
            for index in group[1:]
        ]
    return kept, tuple(notes)


def _step_mm(positions: NDArray[np.float64], first: Placement, where: str) -> float:
    if len(positions) == 1:
        if first.thickness_mm is None or first.thickness_mm <= 0:
            raise BadInputError(f"{where}: SliceThickness: missing, and a single slice has no other spacing")
        return first.thickness_mm
    gaps = np.diff(positions)
    median = float(np.median(gaps))
    for extreme, what in (
        (float(gaps.max()), "a slice is missing"),
        (float(gaps.min()), "slices are not evenly spaced"),
    ):
        if max(extreme / median, median / extreme) > MAX_GAP_RATIO:
            found = f"a gap of {extreme:.2f} mm where the median is {median:.2f} mm"
            raise BadInputError(f"{where}: ImagePositionPatient: {found}: {what}")
    return float((positions[-1] - positions[0]) / (len(positions) - 1))
