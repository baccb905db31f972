"""What p values mean when many tests are done: the false discovery rate, and the inflation of all."""

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from mgi.core.errors import BadInputError

Floats = NDArray[np.float64]


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """The q value of each p, in the given shape: the least false discovery rate at which it is a hit.

    Raises BadInputError for a p that is missing: it would make every q missing, and hits would be none.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise BadInputError(f"p value: found {p[~((p >= 0) & (p <= 1))].flat[0]}, expected one from 0 to 1")
    order = np.argsort(p, axis=None)
    steps = p.flat[order] * p.size / np.arange(1, p.size + 1)
    q = np.empty(p.size)
    q[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return q.reshape(p.shape)


def genomic_inflation(median_p: ArrayLike) -> Floats:
    """Lambda: the median chi-square (1 df) of a phenotype's tests over that of chance, from the p of its median |r|.

    1 is chance; features that go together move it without any effect, so it is read beside its range under permutation.
    """
    found: Floats = scipy.stats.chi2.isf(np.asarray(median_p, dtype=np.float64), 1) / scipy.stats.chi2.ppf(0.5, 1)
    return found
