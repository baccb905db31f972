"""Nuclei of a simulated slide: where they lie, their shape by subtype, and the stain that they hold or push aside.

Codeleted tumours have round nuclei with a clear halo, other mutants long ones, wild types large and uneven ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi_standin.simulation.slides_layout import LATTICE_UM, Layout

Field = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class NuclearShape:
    """Mean radius and its relative spread, mean ratio of the axes, and what is left of eosin in the halo (1: none)."""

    radius_um: float
    spread: float
    ratio: float
    halo: float


SHAPES = {
    "IDHmut-codel": NuclearShape(radius_um=3.6, spread=0.08, ratio=1.05, halo=0.35),
    "IDHmut-non-codel": NuclearShape(radius_um=3.4, spread=0.15, ratio=1.9, halo=1.0),
    "IDHwt": NuclearShape(radius_um=4.3, spread=0.32, ratio=1.45, halo=1.0),
}
NORMAL = NuclearShape(radius_um=3.0, spread=0.10, ratio=1.2, halo=1.0)
HALO_RADIUS = 1.9  # in radii of the nucleus
HAEMATOXYLIN = 0.75  # within a nucleus, in the optical densities of slides_stain


@dataclass(frozen=True, kw_only=True)
class Nuclei:
    """One row a nucleus: centre in micrometres from the slide's corner, half axes, angle, stain and halo."""

    centre_um: NDArray[np.float64]  # n 2
    axes_um: NDArray[np.float64]  # n 2
    angle: NDArray[np.float64]  # n
    stain: NDArray[np.float64]  # n
    halo: NDArray[np.float64]  # n


def draw_nuclei(layout: Layout, subtype: str, rng: np.random.Generator) -> Nuclei:
    """Scatter nuclei as densely as the layout says; in tumour they have the subtype's shape."""
    counts = rng.poisson(layout.cells * LATTICE_UM**2)
    rows, cols = (np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts))
    total = len(rows)
    centre = (np.stack([rows, cols], 1) + rng.random((total, 2))) * LATTICE_UM  # n 2
    is_tumour = rng.random(total) < layout.tumour[rows, cols]
    of_tumour = SHAPES[subtype]
    radius, spread, ratio, halo = (
        np.where(is_tumour, getattr(of_tumour, name), getattr(NORMAL, name))
        for name in ("radius_um", "spread", "ratio", "halo")
    )
    size = radius * np.exp(spread * np.clip(rng.normal(size=total), -2, 2))
    stretch = np.sqrt(ratio * np.exp(0.08 * rng.normal(size=total)))
    return Nuclei(
        centre_um=centre,
        axes_um=np.stack([size * stretch, size / stretch], 1),
        angle=rng.uniform(0, np.pi, total),
        stain=HAEMATOXYLIN * np.exp(0.15 * rng.normal(size=total)),
        halo=halo,
    )


def add_nuclei(haematoxylin: Field, eosin: Field, nuclei: Nuclei, mpp: float) -> None:
    """Draw the nuclei into the two stain maps (H, W) of a scan with pixels of `mpp` micrometres."""
    for index in range(len(nuclei.angle)):
        _add_one(haematoxylin, eosin, nuclei, index, mpp)


def _add_one(haematoxylin: Field, eosin: Field, nuclei: Nuclei, index: int, mpp: float) -> None:
    centre, axes = nuclei.centre_um[index], nuclei.axes_um[index]
    has_halo = nuclei.halo[index] < 1
    reach = axes[0] * (HALO_RADIUS if has_halo else 1.15) / mpp
    row, col = centre / mpp - 0.5
    top, left = max(0, int(row - reach)), max(0, int(col - reach))
    y = np.arange(top, min(haematoxylin.shape[0], int(row + reach) + 2)) - row
    x = np.arange(left, min(haematoxylin.shape[1], int(col + reach) + 2)) - col
    cos, sin = np.cos(nuclei.angle[index]), np.sin(nuclei.angle[index])
    along = (x[None, :] * cos + y[:, None] * sin) * (mpp / axes[0])
    across = (y[:, None] * cos - x[None, :] * sin) * (mpp / axes[1])
    radius = np.sqrt(along**2 + across**2)  # 1 at the rim
    window = np.s_[top : top + len(y), left : left + len(x)]
    if has_halo:
        eosin[window] *= np.where((radius > 1) & (radius < HALO_RADIUS), nuclei.halo[index], 1.0)
    inside = np.clip((1.0 - radius) * axes[1] / mpp + 0.5, 0, 1)  # a soft rim of one pixel
    haematoxylin[window] = np.maximum(haematoxylin[window], nuclei.stain[index] * inside)
