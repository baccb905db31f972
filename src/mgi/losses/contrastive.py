"""Contrastive losses between image and gene vectors, B patients a batch, one pair each.

`similarity` (B, B) holds cosine / temperature: images in rows, genes in columns, pairs on the diagonal.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def joint_loss(similarity: Tensor) -> Tensor:
    """Equation 1 of arXiv:2406.00631 with the minus sign that it lacks, averaged over the batch.

    -(1/B) sum_i log(exp(s_ii) / sum_jk exp(s_jk)). Its floor is ln B, at collapse it is 2 ln B; taken literally
    (without the sign) it would push pairs apart.
    """
    return torch.logsumexp(similarity.flatten(), 0) - similarity.diagonal().mean()


def clip_loss(similarity: Tensor) -> Tensor:
    """Symmetric cross entropy of rows and columns (Radford 2021); floor 0, at collapse ln B."""
    target = torch.arange(len(similarity), device=similarity.device)
    return (cross_entropy(similarity, target) + cross_entropy(similarity.T, target)) / 2


def floor_of(kind: str, batch: int) -> float:
    """The lowest value that the loss can take with `batch` distinct patients."""
    return math.log(batch) if kind == "joint" else 0.0


LOSSES = {"joint": joint_loss, "clip": clip_loss}
