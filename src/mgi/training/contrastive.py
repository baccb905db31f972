"""Contrastive losses between image and gene vectors: P patients, N slices of theirs, N = P where each has one.

`similarity` (N, P) holds cosine / temperature: slices in rows, patients' genes in columns. `patient` (N,) is the column
that belongs to each row. Joint, clip and alpha take one slice a patient, in the patients' order.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

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
    """Symmetric cross entropy of rows and columns (Radford 2021); minimum 0, at collapse ln B."""
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


def slices_of(patient: Tensor) -> Tensor:
    """How many slices each patient has (P,), as floats; every patient has one at least."""
    return torch.bincount(patient).double()


def _own(similarity: Tensor, patient: Tensor) -> Tensor:
    return similarity.gather(1, patient.unsqueeze(1)).squeeze(1)
