"""The loss of Barlow Twins: the numbers that say a slice agree between two random views, and do not repeat each other.

J. Zbontar, L. Jing, I. Misra, Y. LeCun, S. Deny, "Barlow Twins: self-supervised learning via redundancy reduction"
(ICML 2021), arXiv:2103.03230, equations 1 and 2. Written from the text; no gene takes part, and no slice is a negative
of another.

N slices, D numbers of each view.
"""

from torch import Tensor

LEAST_VARIANCE = 1e-10  # of a number that is the same for all slices, which would be divided by 0


def cross_correlation(one: Tensor, two: Tensor) -> Tensor:
    """Pearson's correlation (D, D) over the slices of each number of the first views (N, D) with each of the second.

    A number that does not vary has correlation 0 with all.
    """
    return _standardised(one).T @ _standardised(two) / len(one)


def barlow_twins_loss(one: Tensor, two: Tensor, redundancy_weight: float) -> Tensor:
    """How far the cross-correlation C of the two views' vectors (N, D) is from the identity, a scalar.

        loss = sum over i of (1 - C_ii)^2  +  redundancy_weight * sum over i != j of C_ij^2

    Minimum 0; D where the vectors are constant.
    """
    correlation = cross_correlation(one, two)
    own = correlation.diagonal()
    others = correlation.square().sum() - own.square().sum()
    return (1 - own).square().sum() + redundancy_weight * others


def chance_barlow_twins(slices: int, width: int, redundancy_weight: float) -> float:
    """The loss to expect where the second views are of other slices, drawn at random.

    Over all orders of N values a correlation has mean 0 and variance 1 / (N - 1), whatever the values are.
    """
    variance = 1 / (slices - 1) if slices > 1 else 0.0
    return width * (1 + variance) + redundancy_weight * width * (width - 1) * variance


def _standardised(vectors: Tensor) -> Tensor:
    """Each column with mean 0 and deviation 1."""
    centred = vectors - vectors.mean(0)
    return centred / centred.square().mean(0).clamp(min=LEAST_VARIANCE).sqrt()
