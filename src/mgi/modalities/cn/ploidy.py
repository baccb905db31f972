"""How many copies a gene of a tumour has where nothing happened to it: two, or four after the genome was doubled."""

import numpy as np
from numpy.typing import NDArray

from mgi.modalities.cn.shard import RELATIVE, UNITS

MOST_COPIES = 6.0  # amplifications reach dozens, and tell no more
PLAIN, DOUBLED = 2.0, 4.0


def neutral_copies(values: NDArray[np.float32], unit: str) -> NDArray[np.float32]:
    """The copies (k, 1) of most genes of each patient, of values (k, G) in the shard's unit: 2 or 4; 0 if relative."""
    if unit == UNITS[RELATIVE]:
        return np.zeros((len(values), 1), np.float32)
    whole = np.rint(values)
    doubled = (whole == DOUBLED).sum(axis=1) > (whole == PLAIN).sum(axis=1)
    return np.where(doubled, DOUBLED, PLAIN).astype(np.float32)[:, None]


def beyond_neutral(values: NDArray[np.float32], unit: str) -> NDArray[np.float32]:
    """Copies beyond the neutral ones (k, G), of which no more than MOST_COPIES are counted; NaN stays."""
    capped = values if unit == UNITS[RELATIVE] else np.clip(values, 0.0, MOST_COPIES)
    return np.asarray(capped - neutral_copies(values, unit), np.float32)
