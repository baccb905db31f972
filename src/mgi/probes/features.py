"""Sets of features of patients, put on one scale by the patients of training alone.

P patients, n of training, d features, r of them left.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
_CONSTANT = 1e-12


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """Named features (P, d) of one fold's patients; NaN where a patient lacks one.

    `fitted_on` and `tested_on` differ only where training has better features than a new patient will have, such as
    those of true masks. `variant` and `seed` are those of the pre-training run behind them, None where there is none.
    `modalities` are what they are made of.
    """

    name: str
    fitted_on: Floats
    tested_on: Floats
    modalities: tuple[str, ...] = ()
    variant: str | None = None
    seed: int | None = None

    @property
    def key(self) -> tuple[str, str | None, int | None]:
        """What tells it from the others, in every fold."""
        return self.name, self.variant, self.seed


def feature_set(
    name: str,
    values: Floats,
    modalities: tuple[str, ...] = (),
    run: tuple[str | None, int | None] = (None, None),
) -> FeatureSet:
    """A set whose features are the same in training and in test."""
    variant, seed = run
    return FeatureSet(
        name=name, fitted_on=values, tested_on=values, modalities=modalities, variant=variant, seed=seed
    )  # fmt: skip


def beside(name: str, one: FeatureSet, other: FeatureSet) -> FeatureSet:
    """Both sets' features, of the run of the first."""
    return FeatureSet(
        name=name,
        fitted_on=np.concatenate([one.fitted_on, other.fitted_on], axis=1),
        tested_on=np.concatenate([one.tested_on, other.tested_on], axis=1),
        modalities=tuple(dict.fromkeys([*one.modalities, *other.modalities])),
        variant=one.variant,
        seed=one.seed,
    )


def standardised(given: FeatureSet, training: Rows, test: Rows) -> tuple[Floats, Floats]:
    """Features (n, r) of training and of test, by the training patients' means and deviations.

    What a patient lacks is the training mean, and so is what is constant in training. They are turned so that no more
    than n are left, which no penalty of squared coefficients notices.
    """
    own, other = given.fitted_on[training], given.tested_on[test]
    known = ~np.isnan(own)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, own, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, own - mean, 0) ** 2).sum(axis=0) / count)
    varies = spread > _CONSTANT * (1 + np.abs(mean))
    scale = np.where(varies, spread, 1)
    trained, tested = (
        np.where(np.isnan(one) | ~varies, 0, (one - mean) / scale) for one in (own, other)
    )  # fmt: skip
    if trained.shape[1] <= len(trained):
        return trained, tested
    _, _, turned = np.linalg.svd(trained, full_matrices=False)
    return trained @ turned.T, tested @ turned.T


def components(values: Floats, training: Rows, count: int, genes: int) -> Floats:
    """Principal components (P, count) of expression (P, G): genes, scale and directions by the training patients.

    Taken are the `genes` that vary most in training; of few patients there are fewer components.
    """
    own = values[training]
    spread = own.std(axis=0)
    chosen = np.sort(np.argsort(-spread, kind="stable")[:genes])
    chosen = chosen[spread[chosen] > _CONSTANT]
    scaled = (values[:, chosen] - own[:, chosen].mean(axis=0)) / spread[chosen]
    # Of n patients by n: there are far more genes than patients.
    among = scaled[training] @ scaled[training].T
    variance, directions = np.linalg.eigh(among)
    kept = [place for place in np.argsort(-variance)[:count] if variance[place] > _CONSTANT * variance[-1]]
    weights = scaled[training].T @ (directions[:, kept] / np.sqrt(variance[kept]))  # G r
    signs = np.sign(weights[np.abs(weights).argmax(axis=0), np.arange(len(kept))])
    found: Floats = scaled @ (weights * signs)
    return found


def clinical(patients: Sequence[str], age: Mapping[str, float | None], sex: Mapping[str, str | None]) -> Floats:
    """Age in years and whether the sex is female (P, 2); NaN where unknown."""
    is_female = {"female": 1.0, "male": 0.0}
    rows = [[_number(age.get(one)), is_female.get(sex.get(one) or "", math.nan)] for one in patients]
    return np.array(rows, np.float64).reshape(len(patients), 2)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
