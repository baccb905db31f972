"""Which pixels of an overview are tissue: coloured, and neither pen nor black.

Otsu's threshold on the saturation (N. Otsu 1979), then a median and a closing. Glass and grey dust have no colour.
Haematoxylin and eosin both take more green than red, which blue, green and black pens do not. They take more green than
blue too, blood included; red pen takes as much of both, so that its hue is a pure red.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_propagation, uniform_filter

LEAST_SATURATION = 15  # of 255: JPEG and a yellowed glass reach about 10
MOST_THRESHOLD = 60  # a slide that tissue fills has no glass to be told from
BLACKEST = 50  # of 255, the brightest channel: the scanner's black borders, and black pen
PEN_GREEN = 8  # of 255 by which green exceeds red in ink and not in tissue
PEN_SATURATION = 40  # of 255: ink is strong, the fringes of JPEG and of lenses are not
RED_HUE = 10  # degrees from pure red: eosin and blood lie 15 and more towards blue, brown stains 20 towards yellow
RED_SATURATION = 128  # of 255, of a red stroke's core; its paler rim is pen where it touches one
MEDIAN = 5  # pixels; specks below half of it go
CLOSING = 2  # pixels, of 8 micrometres


@dataclass(frozen=True, kw_only=True)
class Tissue:
    """The mask (h, w), the threshold of saturation from 0 to 255, and the share of the slide that is pen or black."""

    mask: NDArray[np.bool_]
    threshold: int
    pen: float
    black: float


def tissue_of(pixels: NDArray[np.uint8]) -> Tissue:
    """The tissue of an overview (h, w, 3); it may have none."""
    brightest = pixels.max(2).astype(np.int16)
    darkest = pixels.min(2).astype(np.int16)
    saturation = (255 * (brightest - darkest) // np.maximum(brightest, 1)).astype(np.uint8)
    black = brightest < BLACKEST
    strong = (saturation >= PEN_SATURATION) & ~black
    red, green, blue = (pixels[..., channel].astype(np.int16) for channel in range(3))
    is_red = strong & (red == brightest) & (60 * np.abs(green - blue) <= RED_HUE * (brightest - darkest))
    pen = strong & (green > red + PEN_GREEN)
    pen |= binary_propagation(is_red & (saturation >= RED_SATURATION), mask=is_red)
    usable = ~(black | pen)
    threshold = int(np.clip(otsu(saturation[usable]), LEAST_SATURATION, MOST_THRESHOLD))
    mask = usable & (saturation > threshold)
    mask = uniform_filter(mask.astype(np.float32), MEDIAN, mode="nearest") > 0.5  # the median of a mask
    size = 2 * CLOSING + 1
    padded = np.pad(mask, size, mode="edge")  # a closing at the border would otherwise eat into it
    mask = binary_closing(padded, np.ones((size, size), bool))[size:-size, size:-size] & usable
    return Tissue(mask=mask, threshold=threshold, pen=float(pen.mean()), black=float(black.mean()))


def otsu(values: NDArray[np.uint8]) -> int:
    """The threshold that splits values of 0 to 255 into two groups of the least variance within; 0 where all are one.

    Values above it are of the upper group. Of equal thresholds it is the middle one.
    """
    counts = np.bincount(values, minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    above = below[-1] - below
    total = np.cumsum(counts * np.arange(256))
    both = (below > 0) & (above > 0)
    if not both.any():
        return 0
    means = total[both] / below[both], (total[-1] - total[both]) / above[both]
    between = below[both] * above[both] * (means[0] - means[1]) ** 2
    best = np.flatnonzero(both)[between >= between.max() * (1 - 1e-12)]
    return int((best[0] + best[-1]) // 2)
