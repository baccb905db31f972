"""Every phenotype against every feature in a linear model with covariates: effects, p values, and q values of all."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from mgi.association.design import EXPLAINED, Design
from mgi.association.multiple_testing import benjamini_hochberg, genomic_inflation
from mgi.association.permutation import Chance, permuted
from mgi.association.settings import Transform
from mgi.association.transform import inverse_normal
from mgi.core.errors import BadInputError

Floats = NDArray[np.float64]
CONSTANT, BY_COVARIATES = "constant", "explained by the covariates"
LEAST_DF = 3
COLUMNS_AT_ONCE = 4096
"""Ranks and residuals take several copies of these alone; of all features there is one, as residuals (n, F)."""
LeftOut = tuple[str, str, str]
"""Kind (patient, phenotype, feature or covariate), name and reason."""
RANGE = (2.5, 97.5)  # percentiles


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Named columns of numbers (n, m), a row a patient, without missing values."""

    names: tuple[str, ...]
    values: Floats | NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Inflation:
    """Lambda of each phenotype (P,), and the 95 % range that permutations give it; NaN without permutations."""

    found: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, kw_only=True)
class Associations:
    """Tests of P phenotypes and F features, arrays (P, F), over n patients with `df` degrees of freedom.

    `beta` is the change of the phenotype a unit of the feature, on the scale after the transform; `r` the partial
    correlation; `p` two-sided. `q` is Benjamini and Hochberg's over all tests, `p_max` that of the largest |t| of all
    tests under permutation (NaN without permutations). `left_out` says why of each column that was not tested.
    """

    phenotypes: tuple[str, ...]
    features: tuple[str, ...]
    n: int
    df: int
    beta: Floats
    se: Floats
    r: Floats
    p: Floats
    q: Floats
    p_max: Floats
    inflation: Inflation
    left_out: tuple[LeftOut, ...]


def scan(
    phenotypes: Columns,
    features: Columns,
    design: Design,
    *,
    transform: Transform = "none",
    permutations: int = 0,
    seed: int = 0,
) -> Associations:
    """Test every pair by Frisch and Waugh: both sides are freed of the covariates, and then correlated.

    That equals the regression of the phenotype on the feature, the covariates and an intercept. Columns that are
    constant, or that the covariates explain, are left out and named: their p would be NaN, and so would every q.
    Raises BadInputError for missing values, too few patients for the covariates, and where nothing is left to test.
    """
    n, k = design.basis.shape
    if (df := n - k - 1) < LEAST_DF:
        raise BadInputError(
            f"association: found {n} patients with all values for {k} columns of covariates (the intercept and each "
            f"category count), expected {k + 1 + LEAST_DF} patients at least, or fewer covariates"
        )
    y_left, y_kept, y_out = _freed(phenotypes, transform != "none", design, "phenotype")
    x_left, x_kept, x_out = _freed(features, transform == "both", design, "feature")
    y_length, x_length = np.linalg.norm(y_left, axis=0), np.linalg.norm(x_left, axis=0)
    x_left /= x_length
    r = np.clip((y_left / y_length).T @ x_left, -1.0, 1.0)  # P F
    beta = r * y_length[:, None] / x_length
    se = np.sqrt((1 - r**2) / df) * y_length[:, None] / x_length
    p = p_of(r, df)
    chance = permuted(y_left, x_left, design, permutations, np.random.default_rng(seed))
    return Associations(
        phenotypes=tuple(phenotypes.names[at] for at in y_kept),
        features=tuple(features.names[at] for at in x_kept),
        n=n,
        df=df,
        beta=beta,
        se=se,
        r=r,
        p=p,
        q=benjamini_hochberg(p),
        p_max=_p_of_largest(r, chance),
        inflation=_inflation(r, chance, df),
        left_out=(*y_out, *x_out),
    )


def p_of(r: Floats, df: int) -> Floats:
    """Two-sided p of partial correlations by Student's t; one of 1 or -1 has p 0."""
    with np.errstate(divide="ignore"):
        t = np.abs(r) * np.sqrt(df / (1 - r**2))
    p: Floats = 2 * scipy.stats.t.sf(t, df)
    return p


def _freed(columns: Columns, by_rank: bool, design: Design, kind: str) -> tuple[Floats, list[int], list[LeftOut]]:
    """Residuals of the columns that are kept, which those are, and what is left out with its reason."""
    n, m = len(design.basis), len(columns.names)
    if columns.values.shape != (n, m):
        raise BadInputError(f"association: {kind}s: found values of shape {columns.values.shape}, expected {(n, m)}")
    residuals, kept, out = np.empty((n, m)), list[int](), list[LeftOut]()
    for start in range(0, m, COLUMNS_AT_ONCE):
        values = columns.values[:, start : start + COLUMNS_AT_ONCE].astype(np.float64)
        for row, column in np.argwhere(~np.isfinite(values))[:1].tolist():
            name, found = columns.names[start + column], values[row, column]
            raise BadInputError(f"association: {kind} {name}: patient {row}: found {found}, expected a number")
        left, reasons = _residuals(inverse_normal(values) if by_rank else values, design)
        good = np.flatnonzero(reasons == "")
        residuals[:, len(kept) : len(kept) + len(good)] = left[:, good]
        kept += (start + good).tolist()
        out += [(kind, columns.names[start + at], str(reasons[at])) for at in np.flatnonzero(reasons != "")]
    if not kept:
        raise BadInputError(f"association: {kind}s: found none that varies, expected one at least")
    return residuals[:, : len(kept)], kept, out


def _residuals(values: Floats, design: Design) -> tuple[Floats, NDArray[np.str_]]:
    """What the design leaves of columns, and why a column cannot be tested, empty where it can."""
    constant = values.max(axis=0) == values.min(axis=0)
    centred = np.linalg.norm(values - values.mean(axis=0), axis=0)
    left = design.residuals(values)
    rounding = EXPLAINED * np.maximum(centred, np.abs(values).max(axis=0) * 1e-6)
    explained = np.linalg.norm(left, axis=0) <= rounding
    return left, np.where(constant, CONSTANT, np.where(explained, BY_COVARIATES, ""))


def _p_of_largest(r: Floats, chance: Chance) -> Floats:
    """Share of permutations (the data counted as one) whose largest |r| of all tests is as large as a test's own."""
    draws = chance.largest.size
    if draws == 0:
        return np.full(r.shape, np.nan)
    below = np.searchsorted(np.sort(chance.largest), np.abs(r) - 1e-12, side="left")
    shares: Floats = (1 + draws - below) / (1 + draws)
    return shares


def _inflation(r: Floats, chance: Chance, df: int) -> Inflation:
    found = genomic_inflation(p_of(np.median(np.abs(r), axis=1), df))
    if chance.largest.size == 0:
        return Inflation(found=found, low=np.full(found.shape, np.nan), high=np.full(found.shape, np.nan))
    low, high = np.percentile(genomic_inflation(p_of(chance.medians, df)), RANGE, axis=0)
    return Inflation(found=found, low=low, high=high)
