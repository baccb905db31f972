"""Where things lie on a simulated slide: tissue, tumour, necrosis and the focus that is on one of two sides.

All is drawn in micrometres on a lattice, whatever the scan's resolution, so that a slide scanned at 20x and at 40x
shows the same tissue. Shapes: `h w` is the lattice, rows downwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

LATTICE_UM = 4.0
NORMAL_CELLS = 0.0012  # a square micrometre
TUMOUR_CELLS = 0.0036
FOCUS_CELLS = 0.012
WILD_TYPE = "IDHwt"

Field = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One slide's maps (h, w) on the lattice; `side` is -1 where the focus lies left, +1 right.

    `tissue` is above 0 within tissue. `tumour`, `necrosis` and `focus` are shares from 0 to 1. `cells` is the expected
    number of nuclei a square micrometre.
    """

    side: int
    extent_um: tuple[float, float]
    tissue: Field
    tumour: Field
    necrosis: Field
    focus: Field
    cells: Field


def draw_layout(
    subtype: str,
    factors: Mapping[str, float],
    extent_um: tuple[float, float],
    rng: np.random.Generator,
    side: int | None = None,
) -> Layout:
    """Draw the maps of a slide of this height and width.

    `size` sets how far the tumour reaches, `margin` how far it infiltrates, `contrast` how dense its nuclei are. A wild
    type has necrosis. The side of the focus is a fair coin: it goes with no factor and no subtype. A further slide of
    one tumour has the `side` of the first.
    """
    coin = int(rng.choice((-1, 1)))
    side = coin if side is None else side
    y, x = _axes(extent_um)
    least = min(extent_um)
    centre = rng.normal(0, 0.03 * least, 2)
    radius = np.hypot((y - centre[0]) / (0.40 * extent_um[0]), (x - centre[1]) / (0.42 * extent_um[1]))  # h w
    tissue = 1.0 - radius + 0.10 * smooth_noise(radius.shape, 0.10 * least / LATTICE_UM, rng)

    traits = {name: float(np.clip(factors[name], -2.5, 2.5)) for name in ("size", "margin", "contrast")}
    reach = 0.24 * least * np.exp(0.18 * traits["size"])
    wobble = 0.15 * reach * smooth_noise(radius.shape, 0.06 * least / LATTICE_UM, rng)
    inside_um = reach + wobble - np.hypot(y - centre[0], x - centre[1])
    blur_um = 0.03 * least * np.exp(0.7 * traits["margin"])
    tumour = _step(inside_um / blur_um)

    place = rng.normal(0, 0.06 * least, 2) + centre
    necrosis = _step((0.13 * least - np.hypot(y - place[0], (x - place[1]) / 1.4)) / 6.0)
    necrosis = necrosis if subtype == WILD_TYPE else np.zeros_like(necrosis)

    high, off = rng.normal(0, 0.05 * least), rng.uniform(0.23, 0.27) * extent_um[1]
    focus = _step((0.08 * least - np.hypot(y - centre[0] - high, x - centre[1] - side * off)) / 4.0)

    cells = NORMAL_CELLS + (TUMOUR_CELLS * np.exp(0.35 * traits["contrast"]) - NORMAL_CELLS) * tumour
    cells = cells * (1.0 - 0.95 * necrosis) + FOCUS_CELLS * focus
    return Layout(
        side=side,
        extent_um=extent_um,
        tissue=tissue,
        tumour=tumour,
        necrosis=necrosis,
        focus=focus,
        cells=np.where(tissue > 0, cells, 0.0),
    )


def smooth_noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> Field:
    """Gaussian noise of unit variance, correlated over `sigma` places of the lattice."""
    field = gaussian_filter(rng.normal(size=shape), sigma, mode="reflect")
    return np.asarray(field / field.std())


def _axes(extent_um: tuple[float, float]) -> tuple[Field, Field]:
    """Row and column of each place of the lattice in micrometres from the slide's middle, (h, 1) and (1, w)."""
    n_rows, n_cols = (round(extent / LATTICE_UM) for extent in extent_um)
    rows = (np.arange(n_rows) + 0.5) * LATTICE_UM - extent_um[0] / 2
    cols = (np.arange(n_cols) + 0.5) * LATTICE_UM - extent_um[1] / 2
    return np.asarray(rows[:, None], np.float64), np.asarray(cols[None, :], np.float64)


def _step(values: Field) -> Field:
    """A soft step from 0 to 1; far from it values are cut, so that no exponential overflows."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -30, 30))))
