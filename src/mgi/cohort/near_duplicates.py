"""Images and vectors that are nearly the same: a copy under another id that no digest of its bytes can tell.

A slice is described by what flips, turns by 90 degrees, another type, size or intensity, padding and a few changed
voxels leave as it is. Two patients are near-duplicates where most slices of the one have such a twin in the other.
`benchmarks/near_duplicates.py` measures the margin on a shard; figures stand in docs/explanation/reliability.md.
"""

import numpy as np
from numpy.typing import NDArray

Signatures = NDArray[np.float32]
"""A row of unit length a slice (or vector) with content, so that a product is a correlation."""

_SMALL = 64  # pixels of a side before anything is measured: one voxel weighs little there
_SIDE = 16  # of the description
_SPREADS = 2.2  # standard deviations of the image on either side of its centre that the description shows
_LOW, _HIGH = 1.0, 99.0  # percentiles between which grey levels count
_LEAST_SPREAD = 1e-3
SAME_SLICE = 0.999
"""Correlation from which two slices are twins."""
FEWEST_VALUES = 100
"""Values below which two vectors can have one order by chance; shorter ones are compared by their digest alone."""
WHAT_TO_DO = (
    "is one a copy of the other? Leave it out by cohort.exclude, or go on with cohort.near_duplicates: warn where they "
    "are two people"
)


def slice_signatures(slices: NDArray[np.generic]) -> Signatures:
    """Describe the slices (S, H, W) of an image, those without content left out."""
    small = _shrunk(slices)
    flat = small.reshape(len(small), -1)
    low, high = np.percentile(flat, (_LOW, _HIGH), axis=1).astype(np.float32)
    shown = high - low > _LEAST_SPREAD * np.maximum(np.abs(high), 1e-30)
    small, low, high = small[shown], low[shown, None, None], high[shown, None, None]
    if not len(small):
        return np.empty((0, _SIDE * _SIDE), np.float32)
    grey = np.clip((small - low) / (high - low), 0, 1)
    framed = _window(grey.sum(axis=2)) @ grey @ _window(grey.sum(axis=1)).transpose(0, 2, 1)
    return unit_rows(_unturned(framed).reshape(len(framed), -1))


def unit_rows(values: NDArray[np.floating]) -> Signatures:
    """Return rows (n, G) without their mean and of length 1; a constant row becomes zero."""
    centred = values.astype(np.float32) - values.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: Signatures = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    return unit


def _shrunk(slices: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return slices (S, H, W) as averages (S, _SMALL, _SMALL), by two large products."""
    n_slices, rows, columns = slices.shape
    narrow = slices.astype(np.float32).reshape(-1, columns) @ _averages(columns).T
    turned = narrow.reshape(n_slices, rows, _SMALL).transpose(0, 2, 1).reshape(-1, rows) @ _averages(rows).T
    return np.asarray(turned.reshape(n_slices, _SMALL, _SMALL).transpose(0, 2, 1), np.float32)


def _averages(size: int) -> NDArray[np.float32]:
    """Return weights (_SMALL, size) that average a line of pixels over _SMALL equal parts."""
    weights: NDArray[np.float32] = _overlaps(np.linspace(0, size, _SMALL + 1)[None], size)[0]
    return weights


def _overlaps(edges: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Return how much of each bin (n, b) between `edges` (n, b + 1) lies in each of `size` pixels, as shares."""
    starts, ends, pixels = edges[:, :-1, None], edges[:, 1:, None], np.arange(size)
    overlap = np.minimum(ends, pixels + 1) - np.maximum(starts, pixels)
    return np.asarray(np.maximum(overlap, 0) / (ends - starts), dtype=np.float32)


def _window(profile: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights (S, _SIDE, _SMALL) that average over equal parts around the centre of each profile (S, _SMALL)."""
    places = np.arange(_SMALL) + 0.5
    share = profile / profile.sum(axis=1, keepdims=True)
    centre = share @ places
    spread = np.sqrt((share * (places - centre[:, None]) ** 2).sum(axis=1))
    reach = np.linspace(-_SPREADS, _SPREADS, _SIDE + 1)
    return _overlaps(centre[:, None] + np.maximum(spread, 1.0)[:, None] * reach, _SMALL)


def _unturned(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the eight flips and turns of square images (S, n, n) have in common, as many numbers.

    A flip changes the sign of the odd part of an image, a transposition swaps rows and columns; absolute values, sums
    and absolute differences know neither.
    """
    half = image.shape[1] // 2
    upper, lower = image[:, :half], image[:, : half - 1 : -1]
    parts = []
    for rows in (upper + lower, upper - lower):
        left, right = rows[:, :, :half], rows[:, :, : half - 1 : -1]
        parts += [left + right, left - right]
    even, odd_columns, odd_rows, odd = (np.abs(part) for part in parts)
    turned = [(part, part.transpose(0, 2, 1)) for part in (even, odd)] + [(odd_columns, odd_rows.transpose(0, 2, 1))]
    both = [(one + other, np.abs(one - other)) for one, other in turned]
    kept = [part.reshape(len(image), -1) for pair in both for part in pair]
    return np.concatenate(kept, axis=1)


def vector_signature(values: NDArray[np.generic]) -> Signatures:
    """Describe a vector (G,) by the order of its values, which no scale changes and one value hardly."""
    if len(values) < FEWEST_VALUES:
        return np.empty((0, len(values)), np.float32)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(counts) == 1:
        return np.empty((0, len(values)), np.float32)
    middle = np.cumsum(counts) - (counts - 1) / 2  # equal values share a rank
    return unit_rows(middle[inverse][None])


def same_vector(n_values: int) -> float:
    """Rank correlation from which vectors are near-duplicates: a value that goes from least to most costs 6 / n."""
    return min(0.9995, max(0.99, 1 - 8 / n_values))
