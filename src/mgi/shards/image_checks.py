"""What the arrays of a patient's image must be; each check raises BadInputError, which begins with `where`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

MAX_OFF_PLACE = 0.1  # of a step: how far even steps may have a slice from its place, as at reading
DTYPES = ("uint8", "int16", "uint16", "float32")


def check_slices(slices: NDArray[Any], where: str) -> None:
    """A volume (S, H, W) of finite numbers in a dtype of a shard."""
    if slices.ndim != 3 or 0 in slices.shape or slices.dtype.name not in DTYPES:
        raise BadInputError(f"{where}: slices {slices.dtype} {slices.shape}, expected (S, H, W) of {DTYPES}")
    if slices.dtype.kind == "f" and not np.isfinite(slices).all():
        raise BadInputError(f"{where}: slices hold values that are not finite")


def check_masks(masks: NDArray[Any], slices: NDArray[Any], where: str) -> None:
    """Masks (S, H, W) of 0 and 1, as large as the slices."""
    if masks.shape != slices.shape:
        raise BadInputError(f"{where}: mask {masks.shape}, expected {slices.shape} as the slices")
    if masks.dtype != np.uint8 or masks.max() > 1:
        raise BadInputError(f"{where}: mask {masks.dtype} up to {masks.max()}, expected uint8 0 or 1")


def check_positions(positions_mm: NDArray[np.float64], n_slices: int, where: str) -> None:
    """Positions (S,) along the normal in mm, increasing in even steps."""
    if positions_mm.shape != (n_slices,) or (np.diff(positions_mm) <= 0).any():
        raise BadInputError(f"{where}: positions_mm, expected one per slice and increasing")
    if n_slices > 2:
        _require_even(positions_mm, where)


def check_affine(
    affine: NDArray[np.float64] | None, axes: str | None, spacing_mm: tuple[float, float] | None, where: str
) -> None:
    """An affine (4, 4) in LPS mm of the same spacing, with the names of the file's axes; or neither."""
    if (affine is None) != (axes is None):
        raise BadInputError(f"{where}: affine without native_axes or native_axes without affine, expected both or none")
    if affine is None:
        return
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or affine[3].tolist() != [0, 0, 0, 1]:
        raise BadInputError(f"{where}: affine {affine.tolist()}, expected finite numbers and a last row of 0 0 0 1")
    steps = np.linalg.norm(affine[:3, 1:3], axis=0)
    if spacing_mm is None or not np.allclose(steps, spacing_mm, rtol=1e-3):
        raise BadInputError(f"{where}: spacing_mm {spacing_mm}, expected {steps.tolist()} as in the affine")


def _require_even(positions_mm: NDArray[np.float64], where: str) -> None:
    even, step = np.linspace(positions_mm[0], positions_mm[-1], len(positions_mm), retstep=True)
    off = float(np.abs(positions_mm - even).max())
    if off > (MAX_OFF_PLACE + 1e-6) * float(step):
        found = f"a slice lies {off:.2f} mm from its place in steps of {step:.2f} mm"
        raise BadInputError(
            f"{where}: positions_mm: {found}, expected at most {MAX_OFF_PLACE:g} of a step; fetch it again"
        )
