"""What a scan finds by chance: the same with the phenotypes of other patients, drawn many times."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgi.association.design import Design

Floats = NDArray[np.float64]
BLOCK_BYTES = 64 << 20  # of correlations that are held at a time


class Chance(NamedTuple):
    """Of each of B permutations: the largest |r| of all tests (B,), and each phenotype's median |r| (B, P)."""

    largest: Floats
    medians: Floats


def permuted(
    phenotypes: Floats, features: Floats, design: Design, permutations: int, generator: np.random.Generator
) -> Chance:
    """Correlations when the rows of the phenotypes' residuals (n, P) are dealt anew, all phenotypes together.

    `features` (n, F) are residuals of unit length. Permuted residuals are regressed on the covariates again (Freedman
    and Lane), which only changes their length: the features hold nothing of the covariates any more.
    """
    largest = np.zeros(permutations)
    medians = np.empty((permutations, phenotypes.shape[1]))
    for index in range(permutations):
        drawn = phenotypes[generator.permutation(len(phenotypes))]
        lengths = np.linalg.norm(design.residuals(drawn), axis=0)
        for part in _parts(phenotypes.shape[1], features.shape[1]):
            r = np.abs((drawn[:, part] / lengths[part]).T @ features)  # p F
            largest[index] = max(largest[index], r.max())
            medians[index, part] = np.median(r, axis=1, overwrite_input=True)
    return Chance(largest, medians)


def _parts(n_phenotypes: int, n_features: int) -> Iterator[slice]:
    """Some phenotypes at a time, one at least."""
    size = max(1, BLOCK_BYTES // (8 * n_features))
    for start in range(0, n_phenotypes, size):
        yield slice(start, start + size)
