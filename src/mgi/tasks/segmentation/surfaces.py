"""Boundary distances in pixels within a slice.

Distances stay in the plane: a volume of PNG or TIFF slices has no spacing, and the gap between slices is several times
a pixel. A boundary pixel belongs to the mask and has a neighbour (by edge) outside it or outside the picture.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mgi.tasks.segmentation.dice import Mask

_CROSS = ndimage.generate_binary_structure(2, 1)


def boundary(mask: Mask) -> Mask:
    """The pixels of a slice's mask that touch its outside."""
    inner: Mask = ndimage.binary_erosion(mask, _CROSS, border_value=0)
    return mask & ~inner


def hd95_px(prediction: Mask, truth: Mask) -> float:
    """95th percentile of boundary distances, the larger of the two directions, in pixels.

    Over the slices where both masks have pixels; nan where there is no such slice. Slices that only one mask reaches
    have no in-plane distance: `nsd_px` and the slice-wise rates judge them.
    """
    pairs = [_distances(p, t) for p, t in zip(prediction, truth, strict=True) if p.any() and t.any()]
    if not pairs:
        return math.nan
    directions = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    return max(float(np.percentile(distances, 95)) for distances in directions)


def nsd_px(prediction: Mask, truth: Mask, tolerance: float) -> float:
    """Normalised surface Dice: share of both boundaries within `tolerance` pixels of the other one.

    On a slice that only one mask reaches, all its boundary counts as missed. nan where one mask is empty everywhere.
    """
    if not prediction.any() or not truth.any():
        return math.nan
    near = total = 0
    for p, t in zip(prediction, truth, strict=True):
        if p.any() and t.any():
            distances = np.concatenate(_distances(p, t))
            near += int(np.count_nonzero(distances <= tolerance))
            total += distances.size
        else:
            total += int(np.count_nonzero(boundary(p))) + int(np.count_nonzero(boundary(t)))
    return near / total


def _distances(p: Mask, t: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances from each boundary pixel of p to the boundary of t, and the other way round, within one slice."""
    window = ndimage.find_objects((p | t).astype(np.uint8))[0]
    edge_p, edge_t = boundary(np.pad(p[window], 1)), boundary(np.pad(t[window], 1))
    to_t = ndimage.distance_transform_edt(~edge_t)[edge_p]
    to_p = ndimage.distance_transform_edt(~edge_p)[edge_t]
    return to_t, to_p
