"""Which patients are learned from, with which labels, and who is held out meanwhile: the same for every feature set.

Classes are numbers from 0. B draws of n patients.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
INNER_FOLDS = 3


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Rows (B, n) of the patients of each draw, their inner folds (B, n), and permuted classes (B, P, n) of them."""

    rows: Numbers
    inner: Numbers
    permuted: Numbers


def draw_labelled(
    classes: Numbers, per_class: int | None, draws: int, permutations: int, generator: np.random.Generator
) -> Draws:
    """So many patients of each class, or all of a smaller one; None: all patients, once.

    At least `permutations` permutations are dealt out evenly over the draws.
    """
    count = 1 if per_class is None else draws
    members = [np.flatnonzero(classes == one) for one in np.unique(classes)]
    taken = [len(own) if per_class is None else min(per_class, len(own)) for own in members]
    rows, inner, permuted = [], [], []
    for _ in range(count):
        picked = [generator.permutation(own)[:size] for own, size in zip(members, taken, strict=True)]
        rows.append(np.concatenate(picked))
        inner.append(np.concatenate([np.arange(len(own)) % INNER_FOLDS for own in picked]))
        again = -(-permutations // count)
        permuted.append(np.stack([generator.permutation(classes[rows[-1]]) for _ in range(again)]))
    return Draws(rows=np.stack(rows), inner=np.stack(inner), permuted=np.stack(permuted))
