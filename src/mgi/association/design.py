"""Covariates as the columns of a linear model, and what is left of other columns once they are explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

Floats = NDArray[np.float64]
INTERCEPT = "intercept"
EXPLAINED = 1e-8
"""A column of which no more than this share (of its length) is left is explained by others; the rest is rounding."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """The span of an intercept and covariates over n patients.

    `basis` (n, k) has orthonormal columns, as many as independent ones. `redundant` names columns that those before
    them add up to: they explain nothing more.
    """

    basis: Floats
    columns: tuple[str, ...]
    redundant: tuple[str, ...]

    def residuals(self, values: Floats) -> Floats:
        """What the design does not explain of columns (n, m)."""
        left = values - self.basis @ (self.basis.T @ values)
        left -= self.basis @ (self.basis.T @ left)  # again: a large mean would leave its rounding
        return left


def design_of(covariates: Mapping[str, Sequence[str] | Floats], n: int) -> Design:
    """An intercept, numbers as they are, and texts as an indicator of each category but the first.

    A covariate of one value explains nothing, so it is redundant.

    Columns are taken in the given order, categories in that of their names. Raises BadInputError for another number of
    patients or a number that is missing or infinite; a text is a category, whatever it says.
    """
    columns = {INTERCEPT: np.ones(n)}
    for name, values in covariates.items():
        if len(values) != n:
            raise BadInputError(f"covariate {name}: found {len(values)} values, expected {n}, one a patient")
        columns |= _columns(name, values)
    basis = np.empty((n, 0))
    kept, redundant = [], []
    for name, column in columns.items():
        left = column - column.mean() * (name != INTERCEPT)
        whole = float(np.linalg.norm(left))
        for _ in range(2):  # twice, for columns that are nearly explained
            left = left - basis @ (basis.T @ left)
        length = float(np.linalg.norm(left))
        if length <= EXPLAINED * max(whole, float(np.abs(column).max(initial=0.0))):
            redundant.append(name)
        else:
            basis = np.column_stack([basis, left / length])
            kept.append(name)
    return Design(basis=basis, columns=tuple(kept), redundant=tuple(redundant))


def _columns(name: str, values: Sequence[str] | Floats) -> dict[str, Floats]:
    if not isinstance(values, np.ndarray):
        texts = np.array(values, dtype=object)
        others = sorted(set(values))[1:]
        return {f"{name}={each}": (texts == each).astype(np.float64) for each in others} or {name: np.zeros(len(texts))}
    for row in np.flatnonzero(~np.isfinite(values))[:1]:
        raise BadInputError(f"covariate {name}: patient {row}: found {values[row]}, expected a number")
    return {name: values.astype(np.float64)}
