"""What can be said of a tile without any trained weights: colours, amounts of stain, nuclei and texture.

Stains are unmixed by the vectors of Ruifrok and Johnston (2001), as scikit-image's `rgb2hed` does. Shapes: `n` tiles,
`p` pixels of a tile, `px` of them on a side.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Tiles = NDArray[np.uint8]
Features = NDArray[np.float32]

# Optical density of red, green and blue per unit of haematoxylin, eosin and DAB; natural logarithm, rows of length 1.
STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_UNMIX = np.linalg.inv(STAINS / np.linalg.norm(STAINS, axis=1, keepdims=True)).astype(np.float32)
_DENSITY = -np.log(np.maximum(np.arange(256), 1) / 255).astype(np.float32)
BINS = 8
MOST_H, MOST_E = 2.4, 1.6  # amounts of stain that the last bin of a histogram begins below
NUCLEUS = 0.9  # haematoxylin above which a pixel is nucleus
PALE = 0.12  # mean density below which a pixel is clear: glass, lumen or the halo of a cell
STEPS = (1, 2, 4)  # pixels over which texture is measured

NAMES = (
    *(f"density_{what}_{channel}" for what in ("mean", "sd") for channel in ("red", "green", "blue")),
    *(f"{stain}_{what}" for what in ("mean", "sd") for stain in ("haematoxylin", "eosin", "residual")),
    *(f"haematoxylin_bin_{index}" for index in range(BINS)),
    *(f"eosin_bin_{index}" for index in range(BINS)),
    "nuclear_share",
    "nuclear_rim",
    "pale_share",
    *(f"haematoxylin_change_{step}" for step in STEPS),
    *(f"eosin_change_{step}" for step in STEPS),
)
WIDTH = len(NAMES)


def features_of(tiles: Tiles) -> Features:
    """The features of tiles (n, px, px, 3) as (n, WIDTH), in the order of NAMES."""
    features = np.empty((len(tiles), WIDTH), np.float32)
    for row, tile in zip(features, tiles, strict=True):  # one tile at a time stays in the cache
        row[:] = _features_of_one(tile)
    return features


def stains_of(tile: Tiles) -> NDArray[np.float32]:
    """Amounts of haematoxylin, eosin and what neither explains in pixels (…, 3), which may be below 0."""
    return np.asarray(_DENSITY[tile] @ _UNMIX, np.float32)


def _features_of_one(tile: Tiles) -> NDArray[np.float32]:
    rows, cols, _ = tile.shape
    density = _DENSITY.take(np.ascontiguousarray(tile.reshape(-1, 3).T))  # 3 p
    haematoxylin, eosin = (_UNMIX.T[:2] @ density).reshape(2, rows, cols)
    is_nucleus = haematoxylin > NUCLEUS
    is_pale = np.full(3, 1 / 3, np.float32) @ density < PALE
    return np.concatenate(
        [
            *_moments(density),
            _shares(haematoxylin, MOST_H),
            _shares(eosin, MOST_E),
            [
                np.count_nonzero(is_nucleus) / is_nucleus.size,
                _rim(is_nucleus),
                np.count_nonzero(is_pale) / is_pale.size,
            ],
            _changes(haematoxylin),
            _changes(eosin),
        ]
    ).astype(np.float32)


def _moments(density: NDArray[np.float32]) -> Iterator[NDArray[np.float64]]:
    """Mean and standard deviation of each channel's density (3, p), then of each stain's amount.

    Amounts are linear in density, so their moments follow from its covariance without a pass over the pixels.
    """
    n_pixels = density.shape[1]
    mean = density.mean(1, dtype=np.float64)
    covariance = (density @ density.T).astype(np.float64) / n_pixels - np.outer(mean, mean)
    unmix = _UNMIX.astype(np.float64)
    for one, spread in ((mean, covariance), (mean @ unmix, unmix.T @ covariance @ unmix)):
        yield one
        yield np.sqrt(np.maximum(np.diag(spread), 0))


def _shares(values: NDArray[np.float32], most: float) -> NDArray[np.float64]:
    """The share of pixels in each of BINS equal ranges from 0 to `most`; what lies beyond is in the outer ones."""
    places = values * np.float32(BINS / most)
    places = np.clip(places, 0, BINS - 1, out=places).astype(np.uint8)
    return np.asarray(np.bincount(places.ravel(), minlength=BINS) / values.size, np.float64)


def _rim(mask: NDArray[np.bool_]) -> float:
    """Steps between nucleus and not, a pixel of nucleus: large for small or long nuclei; 0 without any."""
    total = int(np.count_nonzero(mask))
    edges = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    return edges / total if total else 0.0


def _changes(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean absolute difference of pixels that lie 1, 2 and 4 apart, along rows and along columns."""
    found = [
        (np.abs(values[step:] - values[:-step]).mean() + np.abs(values[:, step:] - values[:, :-step]).mean()) / 2
        for step in STEPS
    ]
    return np.asarray(found, np.float64)
