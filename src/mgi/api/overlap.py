"""Dice between two masks, in one definition or in all, with what would silently give a wrong number refused."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.tasks.segmentation import dice as definitions
from mgi.tasks.segmentation.scoring import score_patient


def dice(prediction: NDArray[Any], truth: NDArray[Any]) -> float:
    """2 |P and T| / (|P| + |T|) over all pixels of two masks of one shape; nan where both are empty.

    A mask is bool, or numbers that are all 0 or 1. Raises BadInputError for label maps (1, 2, 4, …), probabilities and
    other shapes: cut them first, such as `labels > 0` or `probability >= 0.5`.

    >>> import numpy as np
    >>> dice(np.array([[0, 1, 1]]), np.array([[0, 1, 0]])).__round__(3)
    0.667
    >>> dice(np.array([[0, 4]]), np.array([[0, 1]]))
    Traceback (most recent call last):
    mgi.core.errors.BadInputError: prediction: found 4, expected a mask of 0 and 1 (such as labels > 0)
    """
    predicted, true = _mask(prediction, "prediction"), _mask(truth, "truth")
    if predicted.shape != true.shape:
        raise BadInputError(f"prediction: found shape {predicted.shape}, expected {true.shape} as the truth")
    return definitions.dice(predicted, true)


def dice_definitions(prediction: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
    """Every score of one patient by the names that the tables have, for volumes (slices, rows, columns) of one shape.

    `prediction` is a mask, or probabilities of 0 to 1, which `slice_five_thresholds` needs; the other scores cut it at
    0.5. `truth` is a mask with a tumour. Names and formulas: docs/reference/metrics.md. Raises BadInputError as `dice`
    does, and where the truth is empty or there are not three axes.

    >>> import numpy as np
    >>> truth = np.zeros((2, 4, 4))
    >>> truth[0, 1:3, 1:3] = 1
    >>> scores = dice_definitions(np.ones((2, 4, 4)), truth)
    >>> scores["volume"].__round__(3), scores["slice_positive"], scores["lesion_slice_sensitivity"]
    (0.222, 0.4, 1.0)
    """
    true = _mask(truth, "truth")
    if true.ndim != 3:
        raise BadInputError(f"truth: found {true.ndim} axes, expected 3: slices, rows and columns")
    found = np.asarray(prediction)
    if found.dtype == bool:
        probability = np.where(found, 255, 0).astype(np.uint8)
    else:
        _require_within(found, "prediction", "probabilities of 0 to 1, or a mask")
        probability = np.minimum(np.floor(found.astype(np.float64) * 256), 255).astype(np.uint8)
    return score_patient(probability, true, "given")


def _mask(given: NDArray[Any], name: str) -> NDArray[np.bool_]:
    found: NDArray[Any] = np.asarray(given)
    if found.dtype == bool:
        return found.astype(np.bool_, copy=False)
    _require_within(found, name, "a mask of 0 and 1 (such as labels > 0)")
    mask: NDArray[np.bool_] = np.asarray(found == 1)
    if (other := found[~mask & (found != 0)]).size:
        raise BadInputError(f"{name}: found {other.flat[0]:g}, expected a mask of 0 and 1 (such as probability >= 0.5)")
    return mask


def _require_within(found: NDArray[Any], name: str, expected: str) -> None:
    if found.dtype.kind not in "iuf":
        raise BadInputError(f"{name}: found values of type {found.dtype}, expected {expected}")
    if (beyond := found[~((found >= 0) & (found <= 1))]).size:
        raise BadInputError(f"{name}: found {beyond.flat[0]:g}, expected {expected}")
