"""Grids in space: LPS and RAS, the order of a volume's axes, and masks from one grid onto another.

DICOM states positions in LPS (x to the patient's left, y to the back, z to the head), NIfTI in RAS (x right, y front).
Inside of this project every affine maps an index (k, i, j, 1) of slice, row and column to LPS mm; `ras_of` and `lps_of`
are the only places where one becomes the other.
"""

from typing import Any

import numpy as np
from nibabel import orientations
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

MASK_INTERPOLATION = "nearest neighbour (order 0)"
EMPTY_MASK = "mask empty on the image grid"
STORED_AXES = "SPL"  # slices to the head, rows to the back, columns to the left: an axial image as radiologists see it
_SURE_VOXELS = 50  # of the image: of fewer, nearest neighbours may lose half by chance
_HALF_TURN = np.diag([-1.0, -1.0, 1.0, 1.0])
_KIJ_TO_XYZ = [2, 1, 0, 3]


def ras_of(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the affine of NIfTI, (x, y, z, 1) to RAS mm, from ours, (k, i, j, 1) to LPS mm: x is j, y is i, z is k."""
    return np.asarray(_HALF_TURN @ affine[:, _KIJ_TO_XYZ])


def lps_of(ras: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return our affine from that of NIfTI: the inverse of `ras_of`."""
    return np.asarray((_HALF_TURN @ ras)[:, _KIJ_TO_XYZ])


def to_stored_axes(voxels: NDArray[Any], affine: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64], str]:
    """Return a volume (k, i, j) turned by whole axes until nearest to STORED_AXES, its affine, and where it came from.

    Nothing is interpolated. The last value is the directions of the given axes in NIfTI's order (x, y, z), such as
    "LPS" for an axial DICOM series; `to_native_axes` takes it.
    """
    require_inverse(affine)
    ras = ras_of(affine)
    native = "".join(orientations.aff2axcodes(ras))
    turned, turned_ras = _turned(voxels.transpose(2, 1, 0), ras, STORED_AXES[::-1])
    return turned.transpose(2, 1, 0), lps_of(turned_ras), native


def to_native_axes(
    voxels: NDArray[Any], affine: NDArray[np.float64], native: str
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the array (x, y, z) of a volume's own file and its RAS affine: what `to_stored_axes` was given."""
    return _turned(voxels.transpose(2, 1, 0), ras_of(affine), native)


def _turned(array: NDArray[Any], ras: NDArray[np.float64], codes: str) -> tuple[NDArray[Any], NDArray[np.float64]]:
    turn = orientations.ornt_transform(orientations.io_orientation(ras), orientations.axcodes2ornt(tuple(codes)))
    turned = orientations.apply_orientation(array, turn)
    return np.asarray(turned), np.asarray(ras @ orientations.inv_ornt_aff(turn, array.shape))


def positions_along_normal(affine: NDArray[np.float64], n_slices: int) -> NDArray[np.float64]:
    """Return each slice's position in mm along the normal of its rows and columns, increasing."""
    normal = np.cross(affine[:3, 1], affine[:3, 2])
    normal = normal / np.linalg.norm(normal)
    normal = normal * np.sign(normal @ affine[:3, 0])
    return np.asarray(normal @ affine[:3, 3] + np.arange(n_slices) * (normal @ affine[:3, 0]))


def require_inverse(affine: NDArray[np.float64]) -> None:
    """Refuse an affine that flattens space."""
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise BadInputError("grid: affine has no inverse, expected three independent axes")


def resample_mask(
    mask: NDArray[np.uint8], mask_affine: NDArray[np.float64], shape: tuple[int, int, int], affine: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return the mask (s, h, w) on the grid `shape` (S, H, W); both affines map an index (k, i, j, 1) to the same mm.

    A target voxel takes the nearest mask voxel, 0 outside of the mask's grid; equal grids give an exact copy, whatever
    the directions of their axes.
    """
    if mask.shape == shape and np.allclose(mask_affine, affine, rtol=0, atol=1e-6):
        return mask.copy()
    require_inverse(mask_affine)
    require_inverse(affine)
    to_mask = np.linalg.inv(mask_affine) @ affine
    box = _box_of(mask, np.asarray(np.linalg.inv(to_mask), dtype=np.float64), shape)
    result = np.zeros(shape, np.uint8)
    starts = np.array([axis.start for axis in box], dtype=float)
    part = result[box]
    if _axes_map_to_axes(to_mask):
        part[...] = _nearest_by_axis(mask, to_mask, starts, part.shape)
        return result
    rows, columns = part.shape[1:]
    in_plane = (
        to_mask[:3, 1, None, None] * (starts[1] + np.arange(rows))[None, :, None]
        + to_mask[:3, 2, None, None] * (starts[2] + np.arange(columns))[None, None, :]
        + to_mask[:3, 3, None, None]
    )  # 3 H W: mask index of each voxel of slice 0
    limits = np.array(mask.shape)[:, None, None]
    for k in range(len(part)):
        nearest = _rounded(in_plane + to_mask[:3, 0, None, None] * (starts[0] + k))
        inside = ((nearest >= 0) & (nearest < limits)).all(axis=0)
        part[k][inside] = mask[tuple(nearest[:, inside])]
    return result


def require_most_of(
    placed: NDArray[np.uint8],
    affine: NDArray[np.float64],
    drawn: NDArray[np.uint8],
    drawn_affine: NDArray[np.float64],
    where: str,
) -> None:
    """Refuse a mask of which less than half, by volume, came to lie on the image's grid; of a few voxels none is sure.

    An empty one is left to the caller.
    """
    voxel_mm3, drawn_voxel_mm3 = (abs(float(np.linalg.det(one[:3, :3]))) for one in (affine, drawn_affine))
    found, expected = int(placed.sum(dtype=np.int64)) * voxel_mm3, int(drawn.sum(dtype=np.int64)) * drawn_voxel_mm3
    if 0 < found < expected / 2 and expected > _SURE_VOXELS * voxel_mm3:
        lies = f"{found / 1000:.3g} of {expected / 1000:.3g} ml lie on the image"
        raise BadInputError(f"{where}: mask: {lies}, expected at least half of it")


def _rounded(coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the nearest whole index; halves go up, after rounding away the noise of the product of two affines."""
    return np.floor(np.round(coordinates, 6) + 0.5).astype(np.int64)


def _box_of(
    mask: NDArray[np.uint8], to_target: NDArray[np.float64], shape: tuple[int, int, int]
) -> tuple[slice, slice, slice]:
    """Return the part of the target grid that the mask's voxels above 0 can reach, one voxel wider."""
    sides = []
    for axis in range(3):
        found = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        sides.append((found[0] - 1.0, found[-1] + 1.0) if len(found) else (0.0, 0.0))
    corners = np.stack([*np.meshgrid(*sides, indexing="ij"), np.ones((2, 2, 2))]).reshape(4, -1)
    reached = (to_target @ corners)[:3]
    starts = np.clip(np.floor(reached.min(axis=1)) - 1, 0, shape).astype(int)
    stops = np.clip(np.ceil(reached.max(axis=1)) + 2, 0, shape).astype(int)
    k, i, j = (slice(start, max(stop, start)) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True))
    return k, i, j


def _axes_map_to_axes(to_mask: NDArray[np.float64]) -> bool:
    """Return whether the grids are parallel, whichever way round: then each axis can be looked up alone."""
    linear = np.abs(to_mask[:3, :3])
    tilt = linear - np.where(linear == linear.max(axis=0), linear, 0.0)
    return bool((linear > 1e-9).any(axis=0).all() and tilt.max() < 1e-9)


def _nearest_by_axis(
    mask: NDArray[np.uint8], to_mask: NDArray[np.float64], starts: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    source = np.abs(to_mask[:3, :3]).argmax(axis=0)  # mask axis of each target axis
    indexes, inside = [], []
    for axis, size in enumerate(shape):
        own = source[axis]
        coordinates = _rounded(to_mask[own, axis] * (starts[axis] + np.arange(size)) + to_mask[own, 3])
        within = (coordinates >= 0) & (coordinates < mask.shape[own])
        indexes.append(np.where(within, coordinates, 0))
        inside.append(within)
    found = mask.transpose(source)[np.ix_(*indexes)]
    return np.asarray(found * (inside[0][:, None, None] & inside[1][:, None] & inside[2]), dtype=np.uint8)
