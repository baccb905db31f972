"""Whether the two spaces are aligned or have collapsed, from unit vectors (N, D) of held-out patients; no labels."""

import math

import torch
from torch import Tensor
from torch.nn.functional import pdist

COLLAPSED_RANK = 1.5  # of embeddings that are all but one point; independent ones reach about min(N, D)
FEWEST = 4  # patients below which a rank says nothing


def smooth_rank(vectors: Tensor) -> float:
    """exp of the entropy of the singular values as shares of their sum, 1 to min(N, D) (RankMe, arXiv:2210.02885)."""
    values = torch.linalg.svdvals(vectors.double())
    shares = values / values.sum()
    return math.exp(torch.special.entr(shares).sum().item())


def alignment(images: Tensor, genes: Tensor) -> float:
    """Mean squared distance between the two vectors of a patient, from 0 to 4 (Wang & Isola, arXiv:2005.10242)."""
    return (images - genes).square().sum(1).mean().item()


def uniformity(vectors: Tensor) -> float:
    """log of the mean of exp(-2 d^2) over pairs of patients: 0 at collapse, the lower the more evenly spread.

    A single patient has no pairs: 0.
    """
    if len(vectors) < 2:
        return 0.0
    return pdist(vectors.double()).square().mul(-2).exp().mean().log().item()


def spread(vectors: Tensor) -> float:
    """Deviation of a coordinate, a mean over D, times the root of D: 0 at collapse, about 1 evenly on the sphere."""
    return (vectors.std(0, correction=0).mean() * math.sqrt(vectors.shape[1])).item()


def space_figures(images: Tensor, genes: Tensor) -> dict[str, float]:
    """All of the above for patients' image and gene vectors, a row each."""
    figures = {"alignment": alignment(images, genes)}
    for name, vectors in (("image", images), ("gene", genes)):
        figures[f"{name}_rank"] = smooth_rank(vectors)
        figures[f"{name}_uniformity"] = uniformity(vectors)
        figures[f"{name}_spread"] = spread(vectors)
    return figures


def collapse_warnings(figures: dict[str, float], patients: int) -> list[str]:
    """A line for each of the two spaces that has collapsed."""
    return [
        f"collapsed: the {name} vectors of {patients} validation patients have smooth rank {rank:.2f}, "
        f"of at most {patients}; all are nearly one vector"
        for name in ("image", "gene")
        if patients >= FEWEST and (rank := figures[f"{name}_rank"]) < COLLAPSED_RANK
    ]
