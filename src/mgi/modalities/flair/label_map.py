"""Which numbers of a label map are tumour: BraTS's and plain masks by default, a user's own by the config."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

KEY = "modalities.flair.labels"
ROUNDING = 1e-3  # tools that save a map as floats, or with a slope, leave 1.00002 for 1
BRATS_LABELS = (1, 2, 4)  # necrosis, oedema, enhancing; 3 of newer BraTS and 4 as cavity (2024) must be stated
MASK_LABEL = 255
_NAMED = 5


class Labels(NamedTuple):
    """Every label that a map may hold."""

    tumour: tuple[int, ...]
    background: tuple[int, ...] = (0,)


def tumour_of(voxels: NDArray[Any], labels: Labels | None, where: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return where a label map has tumour, as uint8 of 0 and 1, and what to say of it.

    Without `labels` it must be one of BraTS (0, 1, 2, 4) or a mask of 0 and 255. Raises BadInputError with label and
    count where a voxel is something else: a map that was interpolated is no label map, and a label of another tool may
    be anything.
    """
    whole = voxels if voxels.dtype.kind in "iub" else np.rint(voxels)
    if whole is not voxels:
        with np.errstate(invalid="ignore"):
            off = ~(np.abs(voxels - whole) <= ROUNDING)  # also where a voxel is NaN or infinite
        if off.any():
            found = f"{voxels[off].flat[0]:g} in {_voxels(int(off.sum()))} is no whole number"
            raise BadInputError(f"{where}: label {found}, expected a map that was not interpolated")
    values, counts = np.unique(whole, return_counts=True)
    count_of = {int(value): int(count) for value, count in zip(values.tolist(), counts.tolist(), strict=True)}
    known = _by_default(count_of) if labels is None else labels
    if foreign := [value for value in count_of if value not in (*known.tumour, *known.background)]:
        first = [f"{value} in {_voxels(count_of[value])}" for value in foreign[:_NAMED]]
        more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
        expected = (
            "0, 1, 2, 4, or 0 and 255" if labels is None else ", ".join(map(str, sorted({*labels[0], *labels[1]})))
        )
        raise BadInputError(
            f"{where}: label {', '.join(first)}{more}, expected only {expected}; say which labels are tumour and which "
            f"are not in {KEY}, such as {{tumour: [1, 2, 3], background: [0]}}"
        )
    left_out = [f"{value} ({_voxels(count_of[value])})" for value in known.background if value and value in count_of]
    notes = (f"no tumour by {KEY}: label {', '.join(left_out)}",) if left_out else ()
    return np.isin(whole, known.tumour).astype(np.uint8), notes


def _by_default(found: dict[int, int]) -> Labels:
    """255 is tumour in a mask of nothing else; beside other labels it may as well be what is to be ignored."""
    return Labels((MASK_LABEL,)) if found.keys() <= {0, MASK_LABEL} else Labels(BRATS_LABELS)


def _voxels(count: int) -> str:
    return f"{count} voxel{'' if count == 1 else 's'}"
