"""The planes that a segmentation object draws, and one grid for them: places come from the frames' positions.

Objects leave empty frames out, and state a thickness or spacing that need not be the distance of their frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.slice_order import AXIS_TOLERANCE, MAX_OFF_PLACE, grid_affine, stack_normal

MAX_SLICES = 5_000
MAX_BYTES = 1 << 29
_SAME_PLACE_MM = 1e-2
_LEAST_STEP_MM = 1e-3
Grid = tuple[NDArray[np.uint8], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class SegPlanes:
    """One drawn plane (p, h, w) of 0 and 1 for each place, from the lowest; `corners` (p, 3) are their first voxels.

    `offsets_mm` are the places along the normal, from the lowest. `stated_mm` are SpacingBetweenSlices and
    SliceThickness, where they are stated.
    """

    drawn: NDArray[np.uint8]
    corners: NDArray[np.float64]
    offsets_mm: NDArray[np.float64]
    axes: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]
    stated_mm: tuple[float, ...]

    def grid(self, where: str) -> Grid:
        """Return one mask from the first to the last place, empty where no frame is, and its affine (see dicom.Volume).

        The step is the smallest gap; two places alone may have left others out between them, and are believed what they
        state. Raises BadInputError where the places lie on no grid.
        """
        gaps = np.diff(self.offsets_mm)
        smallest = (float(gaps.min()),) if len(gaps) else ()
        steps = (*smallest, *self.stated_mm) if len(gaps) > 1 else (*self.stated_mm, *smallest)
        for step in steps:
            if (found := self._grid_of(step, where)) is not None:
                return found
        raise BadInputError(f"{where}: ImagePositionPatient: frames are not evenly spaced, expected one slice step")

    def grid_of_image(self, affine: NDArray[np.float64], n_slices: int, where: str) -> Grid | None:
        """Return the planes on the step of an image whose slices they were drawn on; None where they lie elsewhere."""
        normal, own = stack_normal(affine[:3, [2, 1]].T), stack_normal(self.axes)
        step = float(normal @ affine[:3, 0])
        if np.abs(normal - own).max() > 2 * AXIS_TOLERANCE or step < _LEAST_STEP_MM:
            return None
        slices = (self.corners @ normal - float(normal @ affine[:3, 3])) / step
        off, nearest = np.abs(slices - np.rint(slices)), np.rint(slices)
        if off.max() > MAX_OFF_PLACE or nearest.min() < 0 or nearest.max() >= n_slices:
            return None
        return self._grid_of(step, where)

    def _grid_of(self, step: float, where: str) -> Grid | None:
        if not np.isfinite(step) or step < _LEAST_STEP_MM:
            return None
        indexes = np.concatenate([[0.0], np.cumsum(np.rint(np.diff(self.offsets_mm) / step))])
        last = indexes[-1]
        if last >= MAX_SLICES or (last + 1) * self.drawn[0].size > MAX_BYTES:
            raise BadInputError(f"{where}: ImagePositionPatient: {last:.0f} slices, expected at most {MAX_SLICES}")
        if len(set(indexes.tolist())) < len(indexes):
            return None
        normal = stack_normal(self.axes)
        axis = (self.corners[-1] - self.corners[0]) / last if last else normal * step
        off = np.linalg.norm(self.corners - self.corners[0] - indexes[:, None] * axis, axis=1)
        if off.max() > MAX_OFF_PLACE * step or abs(float(normal @ axis) - step) > MAX_OFF_PLACE * step:
            return None
        mask = np.zeros((int(last) + 1, *self.drawn.shape[1:]), np.uint8)
        mask[indexes.astype(int)] = self.drawn
        return mask, grid_affine(self.corners[0], axis, self.axes, self.spacing_mm)


def planes_of(
    frames: NDArray[np.bool_],
    positions: Sequence[NDArray[np.float64]],
    axes: NDArray[np.float64],
    spacing_mm: NDArray[np.float64],
    stated_mm: Sequence[float | None],
) -> SegPlanes:
    """Unite the frames (f, h, w) that lie at one place, in order of their places."""
    corners = np.array(positions)
    along = corners @ stack_normal(axes)
    order = np.argsort(along, kind="stable")
    place_of = np.concatenate([[0], np.cumsum(np.diff(along[order]) > _SAME_PLACE_MM)])
    drawn = np.zeros((int(place_of[-1]) + 1, *frames.shape[1:]), np.uint8)
    for place, index in zip(place_of, order, strict=True):
        drawn[place] |= frames[index]
    first = order[np.unique(place_of, return_index=True)[1]]
    return SegPlanes(
        drawn=drawn,
        corners=corners[first],
        offsets_mm=along[first] - along[first[0]],
        axes=axes,
        spacing_mm=spacing_mm,
        stated_mm=tuple(step for step in stated_mm if step is not None),
    )
