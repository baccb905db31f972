"""Which slices make a batch: tumour-weighted for segmentation, of different patients for contrast."""

import numpy as np
from numpy.typing import NDArray

FLOOR = 0.1


def tumour_weights(tumour_pixels: NDArray[np.floating], floor: float = FLOOR) -> NDArray[np.float64]:
    """Sampling probability of each slice (N,): its tumour area plus `floor` times the mean area, normalised.

    Buda et al. 2019 draw slices this way, with a tenth: of ten slices without tumour and five with it, six draws in a
    hundred are empty. Without any tumour all are equal.
    """
    area = np.asarray(tumour_pixels, np.float64)
    weights = area + floor * area.mean() if area.sum() > 0 else np.ones_like(area)
    return np.asarray(weights / weights.sum())


def shares_up_to(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The running sum of weights (N,), of which the last is 1: what a batch is drawn from."""
    summed = np.cumsum(weights)
    return np.asarray(summed / summed[-1])


def weighted_batch(up_to: NDArray[np.float64], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`size` slices drawn with replacement by weight, as `rng.choice` does that sums the weights for each batch."""
    return np.searchsorted(up_to, rng.random(size), side="right")


def patient_unique_batch(
    patient: NDArray[np.int64], weights: NDArray[np.float64], size: int, rng: np.random.Generator, slices: int = 1
) -> NDArray[np.int64]:
    """`slices` different slices each of `size` different patients, drawn by weight, patient after patient.

    Fewer where there are fewer. Slices of one patient share its genes: a loss that takes one positive a patient must be
    given one, else they would be each other's false negatives.
    """
    patients = np.unique(patient)
    chosen = rng.permutation(patients)[:size]
    drawn: list[int] = []
    for one in chosen:
        own = np.flatnonzero(patient == one)
        share = weights[own] / weights[own].sum()
        if slices == 1:
            drawn.append(int(rng.choice(own, p=share)))
        else:
            count = min(slices, int(np.count_nonzero(share)))
            drawn += rng.choice(own, size=count, p=share, replace=False).tolist()
    return np.array(drawn)
