"""Whether groups of slices that lie between one another are scans of their own, or the passes of one scan.

A scanner may take the odd slices in one acquisition and the even ones in another: together they are one even stack, and
no slice lies within its neighbour. Two whole scans of which one was moved by a part of a step look alike, but for that.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_slices import DicomSlice
from mgi.modalities.flair.image_kinds import along_normal
from mgi.modalities.flair.slice_order import LEAST_OVERLAP, MAX_OFF_PLACE

_LEAST_SLICES = 3  # of what may be a scan
_OTHER_TIMES = 1.05  # ratio of echo or inversion times from which on they are not one value with its rounding


def are_whole_scans(groups: Sequence[list[DicomSlice]], *, differ: bool, values: Sequence[float | None]) -> bool:
    """Return whether each group is a whole, even stack and they are no passes of one.

    `differ` says that `values`, one a group, are times of which passes of one scan have one.
    """
    first = groups[0][0].placement
    stacks = [np.sort(along_normal(group)) for group in groups]
    if min(map(len, stacks)) < 2 or not all(map(_is_even, stacks)):
        return False
    if max(stack[0] for stack in stacks) > min(stack[-1] for stack in stacks):
        return False  # one above the other
    together = np.sort(np.concatenate(stacks))
    if not _is_even(together):
        return True
    if differ and _are_apart(values):
        return True
    return _overlap(together, min(_step(stack) for stack in stacks), first.thickness_mm, first.stated_step_mm)


def require_one_numbering(slices: Sequence[DicomSlice], where: str) -> None:
    """Refuse slices that lie within each other and are numbered as scans one after the other, whatever their tags say.

    Slices that a scanner reconstructs so on purpose are numbered by their places.
    """
    if len(slices) < 2 * _LEAST_SLICES or any(entry.placement.instance_number is None for entry in slices):
        return
    first = slices[0].placement
    along = along_normal(slices)
    order = np.argsort(along, kind="stable")
    by_place = [int(slices[index].placement.instance_number or 0) for index in order]
    for count in range(2, len(slices) // _LEAST_SLICES + 1):
        if not _overlap(along[order], count * _step(along[order]), first.thickness_mm, first.stated_step_mm):
            continue
        scans = sorted((by_place[place::count] for place in range(count)), key=min)
        apart = all(max(one) < min(other) for one, other in pairwise(scans))
        if all(map(_rises_or_falls, scans)) and (apart or len({frozenset(scan) for scan in scans}) == 1):
            found = f"slices lie within each other and are numbered as {count} scans"
            raise BadInputError(f"{where}: InstanceNumber: {found}, from {scans[0][0]} and from {scans[1][0]} on")


def _rises_or_falls(numbers: Sequence[int]) -> bool:
    steps = np.diff(numbers)
    return bool((steps > 0).all() or (steps < 0).all())


def _overlap(
    together: NDArray[np.float64], own_step: float, thickness_mm: float | None, stated_step_mm: float | None
) -> bool:
    step = _step(together)
    stated = abs(stated_step_mm or 0)
    if stated and abs(stated - step) <= MAX_OFF_PLACE * step:
        return False  # what the scanner says of the whole
    if thickness_mm:
        least = (1 - LEAST_OVERLAP) * thickness_mm
        return step < least <= own_step
    return bool(stated and abs(stated - own_step) <= MAX_OFF_PLACE * own_step)


def _step(stack: NDArray[np.float64]) -> float:
    return float((stack[-1] - stack[0]) / (len(stack) - 1))


def _is_even(stack: NDArray[np.float64]) -> bool:
    """Whether a grid of one step has every slice in its place, as `order_slices` asks."""
    step = _step(stack)
    places = stack[0] + step * np.arange(len(stack))
    return step > 0 and bool(np.abs(stack - places).max() <= MAX_OFF_PLACE * step)


def _are_apart(values: Sequence[float | None]) -> bool:
    known = [abs(value) for value in values if value is not None]
    return len(known) < len(values) or max(known) > _OTHER_TIMES * min(known)
