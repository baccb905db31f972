"""A slide at about eight micrometres a pixel, from whichever level is nearest, block by block."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi.core.errors import BadInputError
from mgi.modalities.slides.reader import DamagedRegionError, Slide

PIXEL_UM = 8.0
MOST_PIXELS = 4_000_000  # of an overview; a larger slide has pixels of 16 micrometres
READ = 4096  # pixels of a level on a side that are read at once: 64 MB
SMALLEST_BLOCK = 4
MOST_LOST = 0.01


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Pixels (h, w, 3), each the mean of `step` by `step` pixels of level 0, and the share that could not be read.

    What could not be read is white. Fewer than `step` pixels at the right and lower edge are left out.
    """

    pixels: NDArray[np.uint8]
    step: int
    lost: float


def overview_of(slide: Slide) -> Overview:
    """Read the overview of a slide.

    Raises BadInputError where more than a hundredth of it cannot be decoded, or the slide is too small for one.
    """
    step = max(1, round(PIXEL_UM / slide.mpp))
    if (slide.width // step) * (slide.height // step) > MOST_PIXELS:
        step *= 2
    cols, rows = slide.width // step, slide.height // step
    if not cols or not rows:
        raise BadInputError(f"{slide.name}: {slide.width} x {slide.height} pixels, expected at least {step} x {step}")
    level = max(index for index, reduction in enumerate(slide.reductions) if reduction <= step * 1.001)
    pixels, lost = np.full((rows, cols, 3), 255, np.uint8), 0
    side = max(1, int(READ * slide.reductions[level] / step))
    for top in range(0, rows, side):
        for left in range(0, cols, side):
            lost += _fill(slide, level, step, pixels[top : top + side, left : left + side], (top, left))
    share = lost / (rows * cols)
    if share > MOST_LOST:
        raise BadInputError(
            f"{slide.name}: {share:.1%} of its overview cannot be decoded, expected at most {MOST_LOST:.0%}"
        )
    return Overview(pixels=pixels, step=step, lost=share)


def _fill(slide: Slide, level: int, step: int, block: NDArray[np.uint8], corner: tuple[int, int]) -> int:
    """Put the region behind a block of the overview into it; return how many of its pixels cannot be read.

    A region that cannot be decoded is tried again in quarters, so that one damaged tile does not take the whole.
    """
    rows, cols, _ = block.shape
    scale = step / slide.reductions[level]
    size = (max(1, round(cols * scale)), max(1, round(rows * scale)))
    try:
        found = slide.region(corner[1] * step, corner[0] * step, size, level)
    except DamagedRegionError:
        if max(rows, cols) <= SMALLEST_BLOCK:
            return int(rows * cols)
        half = max(1, max(rows, cols) // 2)
        parts = [
            _fill(slide, level, step, block[y : y + half, x : x + half], (corner[0] + y, corner[1] + x))
            for y in range(0, rows, half)
            for x in range(0, cols, half)
        ]
        return sum(parts)
    block[:] = np.asarray(found.resize((cols, rows), Image.Resampling.BOX))
    return 0
