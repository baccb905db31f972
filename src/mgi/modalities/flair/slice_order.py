"""The order of a series' slices, and its grid, from positions and orientations alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

MAX_GAP_RATIO = 1.5
MAX_OFF_PLACE = 0.1  # of a step: how far the grid, which has one step, may place any corner of a slice from its own
SAME_POSITION = 1e-3  # of the median gap; also the least in mm, as positions are printed with few decimals
AXIS_TOLERANCE = 1e-3
_SPACING_TOLERANCE = 1e-3
LEAST_OVERLAP = 0.1  # of the thickness, from which on two slices lie within each other
_SAME_STEP = 0.05  # of a stated distance between slices, which is often rounded
_MANY_GAPS = 1.9  # of the thickness: a whole slice would fit between any two
_NO_INSTANCE = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a slice lies: axes (2, 3) are unit vectors along a row and down a column, position is its first voxel.

    `thickness_mm` and `stated_step_mm` are SliceThickness and SpacingBetweenSlices. `scan_key` are the values of what
    may differ between scans at one place and never between copies of a slice (dicom_slices.SCAN_KEYS).
    """

    sop_uid: str
    instance_number: int | None
    shape: tuple[int, int]
    axes: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]
    position: NDArray[np.float64]
    thickness_mm: float | None = None
    stated_step_mm: float | None = None
    scan_key: tuple[float | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SliceOrder:
    """Indexes into the given slices, first to last, and the grid that they make (see dicom.Volume)."""

    indexes: list[int]
    affine: NDArray[np.float64]
    positions_mm: NDArray[np.float64]
    notes: tuple[str, ...]


def order_slices(placements: list[Placement], where: str) -> SliceOrder:
    """Sort along the normal, drop repeated positions, and refuse what is not one evenly spaced stack.

    Even means that the grid places every corner of every slice within MAX_OFF_PLACE of a step of where the slice says.
    """
    if not placements:
        raise BadInputError(f"{where}: no slices")
    _require_one_grid(placements, where)
    normal = stack_normal(placements[0].axes)
    along = np.array([entry.position for entry in placements]) @ normal
    indexes, notes = _without_repeats(placements, along, where)
    positions, ordered = along[indexes], [placements[index] for index in indexes]
    step = _step_mm(positions, ordered[0], where)
    first, last = ordered[0], ordered[-1]
    axis = (last.position - first.position) / (len(indexes) - 1) if len(indexes) > 1 else normal * step
    affine = grid_affine(first.position, axis, first.axes, first.spacing_mm)
    _require_places(ordered, affine, step, where)
    notes = (*notes, *_disagreement(ordered, step, where))
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
        # Acquisitions may repeat a slice; two echoes, inversions or time points at one place are never copies.
        if len({placements[index].scan_key for index in group}) > 1:
            names = "EchoTime, TemporalPositionIdentifier or InversionTime"
            raise BadInputError(f"{where}: {names}: several values at one position")
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
        stated = first.stated_step_mm or first.thickness_mm
        if stated is None or stated <= 0:
            raise BadInputError(f"{where}: SliceThickness: missing, and a single slice has no other spacing")
        return stated
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


def _require_places(ordered: list[Placement], affine: NDArray[np.float64], step: float, where: str) -> None:
    """Refuse a stack of which the grid misplaces a slice, or whose slices slide sideways more than they rise."""
    rise = affine[:3, 0]
    if float(rise @ rise) > 2 * step**2:
        sideways = np.sqrt(float(rise @ rise) - step**2)
        found = f"each slice lies {sideways:.2f} mm to the side of the one before and {step:.2f} mm above it"
        raise BadInputError(f"{where}: ImagePositionPatient: {found}, expected a stack")
    rows, columns = ordered[0].shape
    corners = np.array([[0.0, i, j, 1.0] for i in (0, rows - 1) for j in (0, columns - 1)])
    off = np.empty(len(ordered))
    for place, entry in enumerate(ordered):
        own = grid_affine(entry.position - place * rise, rise, entry.axes, entry.spacing_mm)
        difference = (affine - own) @ corners.T
        off[place] = np.linalg.norm(difference[:3], axis=0).max()
    worst = int(off.argmax())
    if off[worst] > MAX_OFF_PLACE * step:
        slice_ = f"instance {ordered[worst].instance_number}, {worst + 1} of {len(ordered)}"
        found = f"{slice_}, lies {off[worst]:.2f} mm from its place in steps of {step:.2f} mm"
        raise BadInputError(
            f"{where}: ImagePositionPatient: {found}, expected at most {MAX_OFF_PLACE * step:.2f} mm: "
            "slices are not evenly spaced"
        )


def _disagreement(ordered: list[Placement], step: float, where: str) -> tuple[str, ...]:
    """Return what to say where SpacingBetweenSlices is not the positions' step, which is believed.

    Refuse a step that is a multiple of it: slices are missing throughout. Refuse a part of it, where slices would lie
    within each other: two scans in one. Some scanners state the gap alone, which is less than the thickness.
    """
    stated = {abs(entry.stated_step_mm) for entry in ordered if entry.stated_step_mm}
    wrong = sorted(one for one in stated if abs(one - step) > _SAME_STEP * step)
    thickness = ordered[0].thickness_mm
    if len(ordered) > 2 and not stated and thickness and step >= _MANY_GAPS * thickness and _numbers_skip(ordered):
        found = f"numbers skip as places do: {step:.2f} mm apart, {thickness:g} mm thick"
        raise BadInputError(f"{where}: InstanceNumber: {found}; slices are missing between those that are there")
    if len(ordered) == 1 or not wrong:
        return ()
    is_gap = thickness is not None and wrong[0] < (1 - _SAME_STEP) * thickness
    overlaps = thickness is not None and step < (1 - LEAST_OVERLAP) * thickness
    found = f"SpacingBetweenSlices: found {wrong[0]:g} mm where slices lie {step:.2f} mm apart"
    if _is_multiple(step, wrong[0]) and not is_gap:
        raise BadInputError(f"{where}: {found}, expected the same: slices are missing between those that are there")
    if _is_multiple(wrong[0], step) and overlaps:
        within = f"within each other, as they are {thickness:g} mm thick"
        raise BadInputError(f"{where}: {found} and {within}, expected the same: several scans in one series")
    return (f"SpacingBetweenSlices {wrong[0]:g} mm, took the positions' {step:.2f} mm",)


def _numbers_skip(ordered: list[Placement]) -> bool:
    """Whether the numbers rise or fall by one and the same amount that is above 1."""
    numbers = [entry.instance_number for entry in ordered if entry.instance_number is not None]
    steps = set(np.abs(np.diff(numbers)).tolist())
    return len(numbers) == len(ordered) and len(steps) == 1 and min(steps) > 1


def _is_multiple(larger: float, smaller: float) -> bool:
    times = round(larger / smaller)
    return times >= 2 and abs(larger - times * smaller) <= _SAME_STEP * larger
