"""Contrastive losses between image and gene vectors: P patients, N slices of theirs, N = P where each has one.

`similarity` (N, P) holds cosine / temperature: slices in rows, patients' genes in columns. `patient` (N,) is the column
that belongs to each row. Joint, clip and alpha take one slice a patient, in the patients' order.

Monitors tell from unit vectors (N, D) of held-out patients whether the two spaces are aligned or have collapsed.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pdist

Contrast = Callable[[Tensor, Tensor], Tensor]
"""Similarity and patient to a scalar."""


def joint_loss(similarity: Tensor, patient: Tensor) -> Tensor:
    """Equation 1 of arXiv:2406.00631 with the minus sign that it lacks, averaged over the batch.

    -(1/B) sum_i log(exp(s_ii) / sum_jk exp(s_jk)). Its minimum is ln B, at collapse it is 2 ln B; taken literally
    (without the sign) it would push pairs apart.
    """
    return torch.logsumexp(similarity.flatten(), 0) - _own(similarity, patient).mean()


def alpha_loss(similarity: Tensor, patient: Tensor, *, alpha: float) -> Tensor:
    """`alpha` of the slices' choice among genes and the rest of the genes' choice among slices (ContIG: 0.75).

    Minimum 0, at collapse ln B.
    """
    return alpha * cross_entropy(similarity, patient) + (1 - alpha) * cross_entropy(similarity.T, patient)


def clip_loss(similarity: Tensor, patient: Tensor) -> Tensor:
    """Symmetric cross entropy of rows and columns (Radford 2021); minimum 0, at collapse ln B.

    >>> clip_loss(torch.zeros(4, 4), torch.arange(4))
    tensor(1.3863)
    """
    return alpha_loss(similarity, patient, alpha=0.5)


def multi_positive_loss(similarity: Tensor, patient: Tensor) -> Tensor:
    """Clip where a patient may have several slices, all of them positives of its genes (SupCon's outer mean).

    Half the mean over slices of the choice among patients, half the mean over patients of the mean over their slices of
    the choice among all slices. With k slices of each patient the second half cannot fall below ln k: the minimum is
    ln(k) / 2, at collapse it is (ln P + ln N) / 2. With one slice each it is `clip_loss`.
    """
    own = _own(torch.log_softmax(similarity, 0), patient)  # N
    counts = slices_of(patient).to(similarity)
    among_slices = -(own / counts[patient]).sum() / len(counts)
    return (cross_entropy(similarity, patient) + among_slices) / 2


def make_contrast(kind: str, alpha: float) -> Contrast:
    """The loss of this name; `alpha` is read by that of the name alone."""
    kinds: dict[str, Contrast] = {
        "joint": joint_loss,
        "clip": clip_loss,
        "alpha": partial(alpha_loss, alpha=alpha),
        "multi_positive": multi_positive_loss,
    }
    return kinds[kind]


def min_loss(kind: str, patient: Tensor) -> float:
    """The lowest value that the loss can take for slices of these patients (N,)."""
    counts = slices_of(patient)
    if kind == "joint":
        return math.log(len(counts))
    return counts.log().mean().item() / 2 if kind == "multi_positive" else 0.0


def chance_loss(kind: str, patient: Tensor) -> float:
    """The value of the loss where all similarities are equal: nothing is told apart."""
    slices, patients = len(patient), len(slices_of(patient))
    if kind == "joint":
        return 2 * math.log(patients)
    return (math.log(slices) + math.log(patients)) / 2 if kind == "multi_positive" else math.log(patients)


def own_ranks(similarity: Tensor) -> Tensor:
    """The place (P,) of each row's own column among all columns of (P, P), 1 the best; ties count for it."""
    return (similarity > similarity.diagonal().unsqueeze(1)).sum(1) + 1


def retrieval_figures(similarity: Tensor) -> dict[str, float]:
    """How well each row finds its own column among those of (P, P), and the mean rank of a guess."""
    rank = own_ranks(similarity).float()
    return {
        "retrieval_at_1": (rank == 1).float().mean().item(),
        "median_rank": rank.median().item(),
        "mean_rank": rank.mean().item(),
        "chance_rank": (len(rank) + 1) / 2,
    }


def slices_of(patient: Tensor) -> Tensor:
    """How many slices each patient has (P,), as floats; every patient has one at least."""
    return torch.bincount(patient).double()


def _own(similarity: Tensor, patient: Tensor) -> Tensor:
    return similarity.gather(1, patient.unsqueeze(1)).squeeze(1)


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
    return figures | vector_figures("image", images) | vector_figures("gene", genes)


def vector_figures(name: str, vectors: Tensor) -> dict[str, float]:
    """The monitors of one space, from unit vectors with a row a patient."""
    return {
        f"{name}_rank": smooth_rank(vectors),
        f"{name}_uniformity": uniformity(vectors),
        f"{name}_spread": spread(vectors),
    }


def collapse_warnings(figures: dict[str, float], patients: int, names: Sequence[str] = ("image", "gene")) -> list[str]:
    """A line for each of the named spaces that has collapsed; of images alone there is one."""
    return [
        f"collapsed: the {name} vectors of {patients} validation patients have smooth rank {rank:.2f}, "
        f"of at most {patients}; all are nearly one vector"
        for name in names
        if patients >= FEWEST and (rank := figures.get(f"{name}_rank", math.inf)) < COLLAPSED_RANK
    ]
