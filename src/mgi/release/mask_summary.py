"""What a mask amounts to: its voxels, volume and connected bodies, and the largest of them alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_CORNERS_TOUCH = np.ones((3, 3, 3))


@dataclass(frozen=True, kw_only=True)
class MaskSummary:
    """Of a mask; `volume_ml` is None where the image has no geometry, `largest_share` where it is empty."""

    voxels: int
    slices: int
    volume_ml: float | None
    bodies: int
    largest_share: float | None


def bodies_of(mask: NDArray[np.generic]) -> NDArray[np.int64]:
    """Voxels of each connected body of a mask (S, H, W), the largest first; touching at a corner connects."""
    labels, _ = ndimage.label(mask, structure=_CORNERS_TOUCH)
    return np.sort(np.bincount(labels.ravel())[1:])[::-1]


def largest_body(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask (S, H, W) with its largest body alone; of two of one size the first in the order of voxels stays."""
    labels, n_bodies = ndimage.label(mask, structure=_CORNERS_TOUCH)
    if n_bodies < 2:
        return mask
    largest = 1 + np.argmax(np.bincount(labels.ravel())[1:])
    return np.asarray(labels == largest, dtype=np.uint8)


def summarise_mask(mask: NDArray[np.uint8], affine: NDArray[np.float64] | None) -> MaskSummary:
    """Count a mask (S, H, W); `affine` gives the volume of a voxel."""
    sizes = bodies_of(mask)
    voxels = int(sizes.sum())
    return MaskSummary(
        voxels=voxels,
        slices=int(mask.any(axis=(1, 2)).sum()),
        volume_ml=None if affine is None else round(voxels * abs(float(np.linalg.det(affine[:3, :3]))) / 1000, 3),
        bodies=len(sizes),
        largest_share=round(float(sizes[0]) / voxels, 4) if voxels else None,
    )
