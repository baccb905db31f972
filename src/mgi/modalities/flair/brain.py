"""Which voxels of an axial FLAIR head are brain, by levels and shapes alone: nothing is fitted, nothing is downloaded.

Volumes are (S slices, H rows, W columns), inferior to superior. Lengths are shares of the head's diameter, because many
archives state no spacing. Chosen by eye and by the tumour that is kept, on real heads whose scalp is there.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mgi.shards.image_shard import PatientImages

Mask = NDArray[np.bool_]

SKULL = 0.035  # nothing nearer to the skin is brain
FAT_DEPTH, FAT_LEVEL = 0.07, 1.7  # so near to the skin, what is so many times as bright as brain is fat
LEAST_LEVEL = 0.5  # of the brain's; darker are bone and water, which come back when holes are closed
DEEP = 0.25  # in the middle of the head is brain
BRIDGE, LOW_BRIDGE = 0.025, 0.05  # brain is parted from all that hangs on by bridges of twice this; lower at the base
SULCUS = 0.06  # gaps twice as wide are closed
DRIFT = 0.03  # how far the brain may grow from one slice to the next one away from its middle
BLUR = 0.006
FAT_BODY, FAT_THREAD, FAT_OUTSIDE = 1.6, 0.012, 0.3  # level, bridges of twice this, least share beyond the brain


def without_scalp(volume: NDArray[Any]) -> NDArray[Any]:
    """The volume with 0 in all that is no brain, as tools for skull stripping write it; whole where none is found."""
    brain = brain_mask(volume)
    return _only(brain, volume) if brain.any() else volume


def images_without_scalp(images: PatientImages) -> PatientImages:
    """A patient whose every channel has 0 in all that is no brain on FLAIR; whole where none is found."""
    brain = brain_mask(images.slices)
    if not brain.any():
        return images
    others = images.others
    return replace(
        images,
        slices=_only(brain, images.slices),
        others=None if others is None else _only(brain[:, np.newaxis], others),
    )


def _only(brain: Mask, voxels: NDArray[Any]) -> NDArray[Any]:
    return np.where(brain, voxels, np.zeros((), voxels.dtype))


def brain_mask(volume: NDArray[np.generic]) -> Mask:
    """The brain of a head with its scalp, one body of voxels; empty where nothing is found in the head's middle.

    Tissue is what is as bright as the head's middle. Erosion cuts it from scalp, eyes and neck, the largest body is
    kept and grown again. Above its largest slice the brain is convex; below, gaps are closed. Remains of orbits and
    neck stay in the lowest slices: better than a tumour that is cut off.
    """
    head = _head_mask(volume)
    length = _lengths(head)
    depth = np.stack([_depth(one) for one in head])
    deep = depth > length(DEEP)
    if not deep.any():
        return np.zeros_like(head)
    blurred = np.stack([cv2.GaussianBlur(np.asarray(one, np.float32), (0, 0), length(BLUR)) for one in volume])
    core = possible = deep
    for _ in range(2):  # the level of the middle of the head first, then that of the brain found with it
        level = float(np.median(blurred[core]))
        fat = (blurred > FAT_LEVEL * level) & (depth < length(FAT_DEPTH))
        possible = (depth > length(SKULL)) & ~fat
        tissue = possible & (blurred > LEAST_LEVEL * level)
        core = _body_of(_by_slice(cv2.erode, tissue, length(BRIDGE)), deep)
        if not core.any():
            return core
    largest = int(np.argmax(core.sum((1, 2))))
    base = slice(0, max(0, largest - len(core) // 10))
    apart = _by_slice(cv2.erode, tissue[base], length(LOW_BRIDGE))
    core[base] &= _by_slice(cv2.dilate, apart, length(LOW_BRIDGE - BRIDGE))
    brain = _by_slice(cv2.dilate, _body_of(core, deep), length(BRIDGE) + 1) & possible
    brain[:largest] = _by_slice(_closed, brain[:largest], length(SULCUS))
    brain[largest:] = [_convex(one) for one in brain[largest:]]
    _narrow(brain, largest, length(DRIFT))
    brain = _body_of(brain & (depth > length(SKULL)), deep)
    return _without_fat(brain, blurred > FAT_BODY * float(np.median(blurred[brain])), length(FAT_THREAD))


def _without_fat(brain: Mask, bright: Mask, thread: float) -> Mask:
    """The brain without bright bodies that lie in part beyond it: fat of orbits and scalp, cut from tumours by erosion.

    Left in, it would stretch the grey scale: of 37 real heads the deviation of the brain's levels falls by 6 %.
    """
    labels, _ = ndimage.label(_by_slice(cv2.erode, bright, thread))
    sizes = np.bincount(labels.ravel())
    is_fat = np.bincount(labels[~brain], minlength=len(sizes)) > FAT_OUTSIDE * sizes
    is_fat[0] = False
    fat = _by_slice(cv2.dilate, is_fat[labels], thread + 1) & bright
    rest = _by_slice(cv2.erode, brain & ~fat, thread)
    kept = _by_slice(cv2.dilate, _body_of(rest, brain), thread) & brain & ~fat
    return np.array([ndimage.binary_fill_holes(one) for one in kept])


def _head_mask(volume: NDArray[np.generic]) -> Mask:
    """The largest body of what lies above the mean, without holes in its slices."""
    filled = _by_slice(_closed, np.asarray(volume > volume.mean()), 3)
    return _body_of(filled, filled)


def _lengths(head: Mask) -> Callable[[float], float]:
    """From shares of the head's diameter, that of a disc of the area of its large slices, to pixels."""
    diameter = float(np.sqrt(4 / np.pi * np.percentile(head.sum((1, 2)), 90)))
    return lambda share: share * diameter


def _depth(head: Mask) -> NDArray[np.float32]:
    """Pixels from the head's outline; beyond the slice's edge is air."""
    framed = cv2.copyMakeBorder(head.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)


def _by_slice(change: Callable[[Any, Any], Any], masks: Mask, radius: float) -> Mask:
    """A morphological operation of (H, W) and a disc, on every slice."""
    reach = max(1, round(radius))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    changed = [change(one.astype(np.uint8), disc) for one in masks]
    return np.array(changed, bool).reshape(masks.shape)


def _closed(mask: NDArray[np.uint8], disc: NDArray[np.uint8]) -> Mask:
    """A mask with narrow gaps closed and holes filled."""
    reach = len(disc) // 2  # else what touches the slice's edge would be eroded from there
    framed = cv2.copyMakeBorder(mask, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, disc)[reach:-reach, reach:-reach]
    return np.asarray(ndimage.binary_fill_holes(closed))


def _convex(mask: Mask) -> Mask:
    """The convex hull of a mask (H, W)."""
    if not mask.any():
        return mask
    hull = cv2.convexHull(cv2.findNonZero(mask.astype(np.uint8)))
    return np.asarray(cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), hull, 1), bool)


def _narrow(brain: Mask, largest: int, reach: float) -> None:
    """Keep of each slice, from the largest one up and down, what lies near its neighbour's brain."""
    upward, downward = range(largest + 1, len(brain)), range(largest - 1, -1, -1)
    for number, neighbour in [*((one, one - 1) for one in upward), *((one, one + 1) for one in downward)]:
        brain[number] &= _by_slice(cv2.dilate, brain[neighbour : neighbour + 1], reach)[0]


def _body_of(mask: Mask, within: Mask) -> Mask:
    """The body of touching voxels with the most voxels `within`; empty where none has any."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels[within], minlength=2)
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax()) if sizes.any() else np.zeros_like(mask)
