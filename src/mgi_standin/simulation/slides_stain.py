"""Colours of haematoxylin and eosin by the law of Beer and Lambert, as in Ruifrok and Johnston 2001."""

import numpy as np
from numpy.typing import NDArray

GLASS = 243.0
"""Intensity of light through bare glass; edge tiles are padded with it too."""
# Optical density of red, green and blue per unit of stain.
HAEMATOXYLIN = (0.650, 0.704, 0.286)
EOSIN = (0.072, 0.990, 0.105)
CALCIUM = (0.60, 0.80, 0.45)
SENSOR_SD = 2.0


def stained(
    stains: dict[tuple[float, float, float], NDArray[np.float32]], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) of amounts (H, W) of each stain, with the noise of a sensor."""
    first = next(iter(stains.values()))
    pixels = np.empty((*first.shape, 3), np.uint8)
    for channel in range(3):
        density = np.zeros_like(first)
        for colour, amount in stains.items():
            density += np.float32(colour[channel]) * amount
        light = GLASS * np.power(np.float32(10), -density)
        light += np.float32(SENSOR_SD) * rng.standard_normal(first.shape, np.float32)
        pixels[..., channel] = np.clip(np.rint(light), 0, 255)
    return pixels
