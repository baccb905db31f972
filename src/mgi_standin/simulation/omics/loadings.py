"""How features (probes, microRNAs, antibodies) depend on a tumour's factors and subtype: each on at most one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi_standin.simulation.latent_factors import FACTORS


@dataclass(frozen=True, kw_only=True)
class Loadings:
    """Shift of each feature (F,) per unit of a factor, or in a subtype, under its name."""

    shifts: dict[str, NDArray[np.float64]]

    def mean_of(self, feature_factors: Mapping[str, float], n_features: int) -> NDArray[np.float64]:
        """Expected deviation of each feature (F,) from its baseline."""
        total = np.zeros(n_features)
        for name, value in feature_factors.items():
            if name in self.shifts:
                total += value * self.shifts[name]
        return total


def draw_loadings(
    n_features: int, shares: Mapping[str, float], sizes: Mapping[str, float], rng: np.random.Generator
) -> Loadings:
    """Assign a share of the features to each name; shifts are about `sizes`, of either sign."""
    order, start = rng.permutation(n_features), 0
    shifts = {}
    for name, share in shares.items():
        members = order[start : start + round(share * n_features)]
        start += len(members)
        shifts[name] = np.zeros(n_features)
        signs = rng.choice((-1.0, 1.0), len(members))
        shifts[name][members] = sizes[name] * signs * rng.uniform(0.8, 1.2, len(members))
    return Loadings(shifts=shifts)


def each_factor(value: float) -> dict[str, float]:
    """The same number for each of the four factors."""
    return dict.fromkeys(FACTORS, value)
