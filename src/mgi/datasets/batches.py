"""Which slices make a batch: tumour-weighted for segmentation, of different patients for contrast; what it hides.

Hidden from the encoders are single elements at random, or one contiguous span of places a row; expression gets noise.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.core.scratch_table import ScratchTable, block_length
from mgi.datasets.gene_rows import GeneRows, Genes, mapped
from mgi.datasets.settings import NoiseShape


def tumour_weights(tumour_pixels: NDArray[np.floating], empty_weight: float = 0.1) -> NDArray[np.float64]:
    """Sampling probability of each slice (N,): its tumour area plus `empty_weight` times the mean area, normalised.

    Buda et al. 2019 draw slices this way, with a tenth: of ten slices without tumour and five with it, six draws in a
    hundred are empty. Without any tumour all are equal.
    """
    area = np.asarray(tumour_pixels, np.float64)
    weights = area + empty_weight * area.mean() if area.sum() > 0 else np.ones_like(area)
    return np.asarray(weights / weights.sum())


def with_stripped(weights: NDArray[np.float64], n_stripped: int, share: float) -> NDArray[np.float64]:
    """Weights (N,) of which the last `n_stripped`, those of copies without scalp, have this share of the draws."""
    if n_stripped == 0:
        return weights
    whole, stripped = weights[:-n_stripped], weights[-n_stripped:]
    return np.concatenate([whole / whole.sum() * (1 - share), stripped / stripped.sum() * share])


def shares_up_to(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The running sum of weights (N,), of which the last is 1: what a batch is drawn from."""
    summed = np.cumsum(weights)
    return np.asarray(summed / summed[-1])


def weighted_batch(up_to: NDArray[np.float64], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`size` slices drawn with replacement by weight, as `rng.choice` does that sums the weights for each batch."""
    return np.searchsorted(up_to, rng.random(size), side="right")


def patient_unique_batch(
    rows_of: Sequence[NDArray[np.int64]],
    weights: NDArray[np.float64],
    size: int,
    rng: np.random.Generator,
    slices: int = 1,
) -> NDArray[np.int64]:
    """`slices` different slices each of `size` different patients, drawn by weight, patient after patient.

    `rows_of` has the slices of each patient. Fewer are drawn where there are fewer. Slices of one patient share its
    genes: a loss that takes one positive a patient must be given one, else they would be each other's false negatives.
    """
    patients = np.flatnonzero([len(own) for own in rows_of])
    chosen = rng.permutation(patients)[:size]
    drawn: list[int] = []
    for one in chosen:
        own = rows_of[one]
        share = weights[own] / weights[own].sum()
        if slices == 1:
            drawn.append(int(rng.choice(own, p=share)))
        else:
            count = min(slices, int(np.count_nonzero(share)))
            drawn += rng.choice(own, size=count, p=share, replace=False).tolist()
    return np.array(drawn)


def noise_maker(training: Genes, shape: NoiseShape) -> Callable[[int, torch.Generator], Tensor]:
    """What draws noise (rows, G) for expression like that of the training patients (P, G).

    `independent`: standard normal for each gene. `patients`: a random mixture of the patients' deviations from their
    mean, so that it has their covariance: genes that go together move together, and no gene leaves their subspace.
    """
    if shape == "independent":
        return lambda rows, generator: torch.randn((rows, training.shape[1]), generator=generator)
    deviations = _deviations(training)

    def noise(rows: int, generator: torch.Generator) -> Tensor:
        drawn: Tensor = torch.randn((rows, len(training)), generator=generator) @ deviations
        return drawn

    return noise


def _deviations(training: Genes) -> Tensor:
    """From the mean of the patients (P, G), over the root of their number; on disk where these are."""
    mean: Tensor = mapped(training).mean(0)
    root: float = len(training) ** 0.5
    if isinstance(training, Tensor):
        return (training - mean) / root
    kept = ScratchTable(training.table.folder, training.shape)
    size = block_length(training.shape[1])
    for number, rows in enumerate(training.split(size)):
        kept.write(number * size, ((rows - mean) / root).numpy())
    deviations: Tensor = GeneRows(kept).mapped()
    return deviations


def random_mask(rows: int, places: int, share: float, generator: torch.Generator) -> Tensor:
    """(rows, places): each element is hidden with probability `share`."""
    return torch.rand(rows, places, generator=generator) < share


def span_mask(rows: int, places: int, share: float, generator: torch.Generator) -> Tensor:
    """(rows, places): one run of `span_length` places a row, every start as likely as any other."""
    length = span_length(places, share)
    start = torch.randint(places - length + 1, (rows, 1), generator=generator)
    place = torch.arange(places)
    return (place >= start) & (place < start + length)


def run_mask(counts: Tensor, places: int, share: float, generator: torch.Generator) -> Tensor:
    """(rows, places): of the first `counts` (rows,) places of a row one run is hidden, and never all of them."""
    lengths = torch.tensor([min(span_length(count, share), count - 1) for count in counts.tolist()], dtype=torch.int64)
    start = (torch.rand(len(counts), generator=generator) * (counts - lengths + 1)).long()
    place = torch.arange(places)
    return (place >= start.unsqueeze(1)) & (place < (start + lengths).unsqueeze(1))


def span_length(places: int, share: float) -> int:
    """The length nearest to `share` of the places, at least one unless the share is 0."""
    return 0 if share == 0 else max(1, round(share * places))


def spread_over(mask: Tensor, width: int, places: int) -> Tensor:
    """(rows, T) of tokens to (rows, places) of the elements that they cover, `width` each, the last one cut short."""
    return mask.repeat_interleave(width, dim=1)[:, :places]
