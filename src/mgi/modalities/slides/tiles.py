"""Square tiles of a slide at a stated resolution: where tissue is, in raster order, and their pixels.

A tile covers a whole number of pixels of level 0, and is reduced to its size by area: the same tissue gives the same
tiles whether it was scanned at 20x or at 40x.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi.core.errors import BadInputError
from mgi.modalities.slides.reader import DamagedRegionError, Slide

COARSEST = 1.25  # how many times larger than a tile's own a slide's pixels may be


@dataclass(frozen=True, kw_only=True)
class TileForm:
    """Pixels of a tile on a side, micrometres of a pixel, and the least share of a tile that is tissue."""

    px: int
    mpp: float
    min_tissue: float

    def side_of(self, slide: Slide) -> int:
        """Pixels of level 0 that a tile covers on a side.

        Raises BadInputError where the slide is coarser than the tiles: what was not scanned cannot be shown.
        """
        if slide.mpp > COARSEST * self.mpp:
            raise BadInputError(
                f"{slide.name}: mpp: found {slide.mpp:g}, expected at most {COARSEST * self.mpp:g} for tiles of "
                f"{self.mpp:g} µm a pixel"
            )
        return max(1, round(self.px * self.mpp / slide.mpp))


@dataclass(frozen=True, kw_only=True)
class Place:
    """The upper left corner of a tile in pixels of level 0, and the share of it that is tissue."""

    x0: int
    y0: int
    tissue: float


def places_of(slide: Slide, form: TileForm, mask: NDArray[np.bool_], step: int) -> list[Place]:
    """The tiles of the slide's grid with enough tissue, row by row; `mask` has a pixel for `step` of level 0."""
    side = form.side_of(slide)
    shares = tissue_shares(mask, side / step, (slide.height // side, slide.width // side))
    return [
        Place(x0=int(col) * side, y0=int(row) * side, tissue=float(shares[row, col]))
        for row, col in np.argwhere(shares >= form.min_tissue)
    ]


def tissue_shares(mask: NDArray[np.bool_], side: float, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The share of tissue in each square of a grid of `shape` (rows, columns), whose side is in pixels of the mask.

    A square's edge may lie within a pixel, which then counts by the part that is inside.
    """
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    sums[1:, 1:] = np.cumsum(np.cumsum(mask, 0, dtype=np.float64), 1)
    rows, cols = (
        np.minimum(np.arange(count + 1) * side, length) for count, length in zip(shape, mask.shape, strict=True)
    )
    at_edges = _along(_along(sums, rows, 0), cols, 1)
    return np.asarray(np.diff(np.diff(at_edges, axis=0), axis=1) / side**2)


def _along(sums: NDArray[np.float64], places: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Running sums at places between pixels, by linear interpolation along an axis."""
    low = np.minimum(places.astype(np.int64), sums.shape[axis] - 1)
    high = np.minimum(low + 1, sums.shape[axis] - 1)
    part = (places - low).reshape([-1 if one == axis else 1 for one in range(2)])
    return np.asarray(sums.take(low, axis) * (1 - part) + sums.take(high, axis) * part)


def read_tiles(slide: Slide, places: Sequence[Place], form: TileForm) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
    """The number and the pixels (px, px, 3) of each tile; None where it cannot be decoded."""
    side = form.side_of(slide)
    for number, place in enumerate(places):
        try:
            found = slide.region(place.x0, place.y0, (side, side))
        except DamagedRegionError:
            yield number, None
            continue
        if side != form.px:
            found = found.resize((form.px, form.px), Image.Resampling.BOX)
        yield number, np.asarray(found, np.uint8)
