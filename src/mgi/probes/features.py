"""Sets of features of patients, put on one scale by the patients of training alone.

P patients, n of training, d features, r of them that vary, G genes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
_CONSTANT = 1e-12
CLINICAL = "clinical"


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """Named features (P, d) of one fold's patients; NaN where a patient lacks one.

    `fitted_on` and `tested_on` differ only where training has better features than a new patient will have, such as
    those of true masks. `pretraining` names the run behind them without fold and seed, None where there is none.
    `modalities` are what they are made of.
    """

    name: str
    fitted_on: Floats
    tested_on: Floats
    modalities: tuple[str, ...] = ()
    pretraining: str | None = None
    seed: int | None = None

    @property
    def key(self) -> tuple[str, str | None, int | None]:
        """What tells it from the others, in every fold."""
        return self.name, self.pretraining, self.seed


def feature_set(
    name: str,
    values: NDArray[Any],
    modalities: tuple[str, ...] = (),
    *,
    pretraining: str | None = None,
    seed: int | None = None,
) -> FeatureSet:
    """A set whose features are the same in training and in test."""
    wide: Floats = values.astype(np.float64)
    return FeatureSet(
        name=name, fitted_on=wide, tested_on=wide, modalities=modalities, pretraining=pretraining, seed=seed
    )


def beside(name: str, one: FeatureSet, other: FeatureSet) -> FeatureSet:
    """Both sets' features, of the run of the first."""
    return FeatureSet(
        name=name,
        fitted_on=np.concatenate([one.fitted_on, other.fitted_on], axis=1),
        tested_on=np.concatenate([one.tested_on, other.tested_on], axis=1),
        modalities=tuple(dict.fromkeys([*one.modalities, *other.modalities])),
        pretraining=one.pretraining,
        seed=one.seed,
    )


def standardised(given: FeatureSet, training: Rows, test: Rows) -> tuple[Floats, Floats]:
    """Features (n, r) of training and of test, by the training patients' means and deviations.

    What a patient lacks is the training mean. Features that are constant in training are left out.
    """
    own, other = given.fitted_on[training], given.tested_on[test]
    known = ~np.isnan(own)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, own, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, own - mean, 0) ** 2).sum(axis=0) / count)
    varies = spread > _CONSTANT * (1 + np.abs(mean))
    trained, tested = (
        np.nan_to_num((one[:, varies] - mean[varies]) / spread[varies]) for one in (own, other)
    )  # fmt: skip
    return trained, tested


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


def clinical(patients: Sequence[str], age: Mapping[str, float], sex: Mapping[str, str]) -> Floats:
    """Age in years and whether the sex is female (P, 2); NaN where unknown."""
    is_female = {"female": 1.0, "male": 0.0}
    rows = [[age.get(one, math.nan), is_female.get(sex.get(one, ""), math.nan)] for one in patients]
    return np.array(rows, np.float64).reshape(len(patients), 2)
