"""Masks from one grid onto another, by nearest neighbour only: a mask has no values between 0 and 1."""

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

MASK_INTERPOLATION = "nearest neighbour (order 0)"
EMPTY_MASK = "mask empty on the image grid"


def resample_mask(
    mask: NDArray[np.uint8],
    mask_affine: NDArray[np.float64],
    shape: tuple[int, int, int],
    affine: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """The mask (s, h, w) on the grid `shape` (S, H, W); both affines map an index (k, i, j, 1) to the same mm.

    A target voxel takes the nearest mask voxel, 0 outside of the mask's grid; equal grids give an exact copy, whatever
    the directions of their axes. Raises BadInputError where an affine has no inverse.
    """
    if mask.shape == shape and np.allclose(mask_affine, affine, rtol=0, atol=1e-6):
        return mask.copy()
    for given in (mask_affine, affine):
        if not np.isfinite(given).all() or abs(np.linalg.det(given[:3, :3])) < 1e-9:
            raise BadInputError("grid: affine has no inverse, expected three independent axes")
    to_mask = np.linalg.inv(mask_affine) @ affine
    slices, rows, columns = shape
    in_plane = (
        to_mask[:3, 1, None, None] * np.arange(rows)[None, :, None]
        + to_mask[:3, 2, None, None] * np.arange(columns)[None, None, :]
        + to_mask[:3, 3, None, None]
    )  # 3 H W: mask index of each voxel of slice 0
    result = np.zeros(shape, np.uint8)
    limits = np.array(mask.shape)[:, None, None]
    for k in range(slices):
        # Halves go up, after rounding away the noise of the product of two affines.
        nearest = np.floor(np.round(in_plane + to_mask[:3, 0, None, None] * k, 6) + 0.5).astype(np.int64)
        inside = ((nearest >= 0) & (nearest < limits)).all(axis=0)
        result[k][inside] = mask[tuple(nearest[:, inside])]
    return result
