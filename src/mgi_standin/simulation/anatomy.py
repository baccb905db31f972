"""FLAIR-like head volumes with two look-alike lesions, of which one is the tumour.

Axes are (slice, row, column): inferior to superior, anterior to posterior, and the patient's right to left, as an
axial series in LPS order is stored. Intensities are arbitrary scanner units.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

FIELD_OF_VIEW_MM = 211.0
HEAD_SEMI_AXES_MM = (85.0, 92.0, 72.0)  # slice, row, column
TISSUE = 300.0
VENTRICLE = 110.0
SCALP = 520.0
NOISE_SD = 14.0
LESION_RADIUS_MM = 17.0
LESION_OFFSET_MM = 34.0  # from the midline
RIM_SHARE, CORE_DARKNESS = 0.35, 0.9  # of a lesion's radius, and of its brightness, where FLAIR and T2 do not match


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Voxel centres in millimetres from the middle of the head, one array per axis."""

    z: NDArray[np.float64]  # S 1 1
    y: NDArray[np.float64]  # 1 H 1
    x: NDArray[np.float64]  # 1 1 W
    spacing_mm: tuple[float, float, float]


def make_grid(n_slices: int, pixels: int, slice_mm: float) -> Grid:
    """A centred grid of `pixels` squared over the field of view."""
    pixel_mm = FIELD_OF_VIEW_MM / pixels
    in_plane = ((np.arange(pixels) - (pixels - 1) / 2) * pixel_mm).astype(np.float64)
    along = ((np.arange(n_slices) - (n_slices - 1) / 2) * slice_mm).astype(np.float64)
    return Grid(
        z=along[:, None, None],
        y=in_plane[None, :, None],
        x=in_plane[None, None, :],
        spacing_mm=(slice_mm, pixel_mm, pixel_mm),
    )


def draw_head(grid: Grid, rng: np.random.Generator) -> NDArray[np.float64]:
    """Scalp, brain with a smooth texture, and ventricles (S, H, W)."""
    sz, sy, sx = (axis * rng.uniform(0.95, 1.05) for axis in HEAD_SEMI_AXES_MM)
    radius = np.sqrt((grid.z / sz) ** 2 + (grid.y / sy) ** 2 + (grid.x / sx) ** 2)
    head = np.where(radius < 1.0, TISSUE, 0.0)
    head += 45.0 * smooth_noise(radius.shape, grid, 14.0, rng) * (radius < 1.0)
    head += 20.0 * smooth_noise(radius.shape, grid, 5.0, rng) * (radius < 1.0)
    for side in (-1.0, 1.0):
        ventricle = ((grid.x - side * 9.0) / 6.0) ** 2 + (grid.y / 24.0) ** 2 + ((grid.z - 4.0) / 18.0) ** 2
        head = np.where(ventricle < 1.0, VENTRICLE, head)
    return np.where((radius >= 1.0) & (radius < 1.06), SCALP, head)


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a lesion follows: factors, which move its size, margin and brightness `effect` times as far as usual.

    With a `mismatch` its core is dark.
    """

    size: float
    margin: float
    contrast: float
    effect: float = 1.0
    mismatch: bool = False


def draw_lesion(
    grid: Grid, traits: Traits, *, side: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A bright lesion on one side (+1 left, -1 right): the intensity that it adds (S, H, W) and its true extent."""
    effect = traits.effect
    centre = (rng.normal(0, 4.0), rng.normal(0, 20.0), side * (LESION_OFFSET_MM + rng.normal(0, 4.0)))
    radius_mm = LESION_RADIUS_MM * np.exp(0.16 * effect * np.clip(traits.size, -2.5, 2.5) + rng.normal(0, 0.08))
    stretch = np.exp(rng.normal(0, 0.12, 3))
    distance = np.sqrt(
        ((grid.z - centre[0]) * stretch[0]) ** 2
        + ((grid.y - centre[1]) * stretch[1]) ** 2
        + ((grid.x - centre[2]) * stretch[2]) ** 2
    )
    wobble = 0.18 * radius_mm * smooth_noise(np.broadcast(grid.z, grid.y, grid.x).shape, grid, 9.0, rng)
    inside_mm = radius_mm + wobble - distance
    blur_mm = 1.0 + 1.2 * np.exp(0.4 * effect * np.clip(traits.margin, -2.0, 2.0))
    brightness = 190.0 * np.exp(0.15 * effect * np.clip(traits.contrast, -2.0, 2.0) + rng.normal(0, 0.08))
    added = brightness / (1.0 + np.exp(-inside_mm / blur_mm))
    if traits.mismatch:
        added -= CORE_DARKNESS * brightness / (1.0 + np.exp(-(inside_mm - RIM_SHARE * radius_mm) / blur_mm))
    return added, inside_mm > 0.0


def draw_volume(
    grid: Grid, factors: dict[str, float], rng: np.random.Generator, effect: float = 1.0, *, mismatch: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A head with a tumour on the side that the factor names and its look-alike on the other: volume and mask.

    Both lesions are drawn from the same distribution, one after the other from left to right, so that nothing in the
    image tells which is which.
    """
    head = draw_head(grid, rng)
    followed = {name: factors[name] for name in ("size", "margin", "contrast")}
    traits = Traits(**followed, effect=effect, mismatch=mismatch)
    tumour_side = 1.0 if factors["side"] > 0 else -1.0
    mask = np.zeros(head.shape, bool)
    for side in (1.0, -1.0):
        added, extent = draw_lesion(grid, traits, side=side, rng=rng)
        head += added * (head > 0)
        if side == tumour_side:
            mask = extent
    noisy = np.hypot(head + rng.normal(0, NOISE_SD, head.shape), rng.normal(0, NOISE_SD, head.shape))  # Rician
    return noisy.astype(np.float32), mask


def smooth_noise(shape: tuple[int, ...], grid: Grid, width_mm: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian noise of unit variance, correlated over about `width_mm`."""
    sigma = [width_mm / spacing for spacing in grid.spacing_mm]
    field = gaussian_filter(rng.normal(size=shape), sigma, mode="reflect")
    return np.asarray(field / field.std())
