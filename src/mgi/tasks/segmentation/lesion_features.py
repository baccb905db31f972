"""What a reader can say of a tumour from its FLAIR image and a mask: size, intensity, position and margin.

Twelve numbers of a patient, made by hand and fitted on nobody. They are phenotypes for a scan, and the baseline that a
learned image vector has to beat. Lengths are shares of the brain, and levels shares of its own, since many archives
state no spacing and a scanner's levels have no unit.
"""

from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.brain import brain_mask

FEATURES = {
    "log_volume": "natural logarithm of the tumour's share of the brain",
    "slice_share": "share of the brain's slices that have tumour",
    "intensity_mean": "mean level of the tumour over the median level of the rest of the brain",
    "intensity_sd": "deviation of the tumour's levels over the same median",
    "intensity_p10": "10th percentile of the tumour's levels over the same median",
    "intensity_p90": "90th percentile of the tumour's levels over the same median",
    "side": "columns from the brain's middle to the tumour's, in halves of its width; above 0: towards higher columns",
    "lateral": "the same without its sign",
    "anterior": "rows from the tumour's middle to the brain's, in halves of its length; above 0: towards row 0",
    "height": "the tumour's middle slice in the brain, 0 at its lowest and 1 at its highest",
    "irregularity": "outline of the tumour over that of circles of the same areas, by slice; 1: circles",
    "margin_contrast": "mean level of a rim inside the tumour's edge minus that of one outside, over the same median",
}
"""Each feature and what it is; of an empty mask all are NaN."""
COLUMNS = pa.schema([("patient_id", pa.string()), *((name, pa.float64()) for name in FEATURES)])
"""Of their file, a row a patient; null where a feature is NaN."""
RIM_PX = 2


def lesion_features(volume: NDArray[Any], mask: NDArray[np.uint8]) -> dict[str, float]:
    """The features of a volume (S, H, W), inferior to superior, rows anterior to posterior, with a mask (S, H, W).

    The brain is that of `brain_mask`, or where it finds none (a head without scalp) what lies above the volume's mean.
    Raises BadInputError where the mask has another shape, or the brain beside the tumour has no level above 0.
    """
    if mask.shape != volume.shape:
        raise BadInputError(f"mask {mask.shape}, expected {volume.shape} as the slices")
    tumour = mask > 0
    if not tumour.any():
        return dict.fromkeys(FEATURES, float("nan"))
    brain = brain_mask(volume)
    if not brain.any():
        brain = volume > volume.mean()
    brain = brain | tumour
    rest = volume[brain & ~tumour]
    level = float(np.median(rest)) if len(rest) else 0.0
    if not level > 0:
        raise BadInputError(f"median level of the brain beside the tumour: found {level:g}, expected more than 0")
    levels = volume[tumour].astype(np.float64) / level
    low, high = np.percentile(levels, [10, 90])
    (first, last), (top, bottom), (left, right) = (_reach(brain, axis) for axis in range(3))
    middle = [float(place.mean()) for place in np.nonzero(tumour)]
    side = (middle[2] - (left + right) / 2) / max(0.5, (right - left) / 2)
    slices = np.asarray(tumour.any(axis=(1, 2)))
    found = {
        "log_volume": np.log(tumour.sum() / brain.sum()),
        "slice_share": slices.sum() / brain.any(axis=(1, 2)).sum(),
        "intensity_mean": levels.mean(),
        "intensity_sd": levels.std(),
        "intensity_p10": low,
        "intensity_p90": high,
        "side": side,
        "lateral": abs(side),
        "anterior": ((top + bottom) / 2 - middle[1]) / max(0.5, (bottom - top) / 2),
        "height": (middle[0] - first) / max(1, last - first),
        "irregularity": _irregularity(tumour[slices]),
        "margin_contrast": _margin_contrast(volume, tumour, brain, slices) / level,
    }
    return {name: float(found[name]) for name in FEATURES}


def _reach(mask: NDArray[np.bool_], axis: int) -> tuple[int, int]:
    """The first and the last place along an axis."""
    places = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
    return int(places[0]), int(places[-1])


def _irregularity(tumour: NDArray[np.bool_]) -> float:
    """Lengths of the outlines (n, H, W) over those of discs of the same area, drawn and measured in the same way."""
    own = disc = 0.0
    for plane in tumour:
        own += _outline(plane)
        radius = np.sqrt(plane.sum() / np.pi)
        side = int(np.ceil(radius)) + 1
        rows, columns = np.mgrid[-side : side + 1, -side : side + 1]
        disc += _outline(rows**2 + columns**2 <= radius**2)
    return own / disc


def _outline(plane: NDArray[np.bool_]) -> float:
    """Length in pixels of the edges of all bodies of a plane (H, W), holes included."""
    padded = np.pad(plane, 1)
    return float(sum((np.diff(padded, axis=axis)).sum() for axis in (0, 1)))


def _margin_contrast(
    volume: NDArray[Any], tumour: NDArray[np.bool_], brain: NDArray[np.bool_], slices: NDArray[np.bool_]
) -> float:
    """Mean level of the rim within the edge minus that beyond it in the brain; NaN where there is none beyond it."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM_PX + 1,) * 2)
    inside, outside = [], []
    for plane, levels, around in zip(tumour[slices], volume[slices], brain[slices], strict=True):
        drawn = plane.astype(np.uint8)
        inside.append(levels[plane & ~cv2.erode(drawn, kernel).astype(bool)])
        outside.append(levels[~plane & cv2.dilate(drawn, kernel).astype(bool) & around])
    beyond = np.concatenate(outside)
    return float(np.concatenate(inside).mean() - beyond.mean()) if len(beyond) else float("nan")
