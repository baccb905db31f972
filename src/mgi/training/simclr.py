"""SimCLR's loss: two random views of one slice find each other among the views of all slices of the batch.

T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A simple framework for contrastive learning of visual representations"
(ICML 2020), arXiv:2002.05709, equation 1 and algorithm 1. Written from the text; no gene takes part.

N slices of N patients, so that no two views of different slices are of one patient: each is a true negative.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def nt_xent(one: Tensor, two: Tensor, temperature: Tensor | float) -> Tensor:
    """The normalised temperature-scaled cross entropy of unit vectors (N, D) of the first and second views, a scalar.

    With z the 2N views, z_i and z_j those of one slice and s_ik the cosine of z_i and z_k over the temperature:

        loss = mean over i of  -log( exp(s_ij) / sum over k != i of exp(s_ik) )

    Minimum 0, ln(2N - 1) where all views are alike. With one slice there is nothing to tell apart: 0.
    """
    count = len(one)
    views = torch.cat([one, two])  # 2N D
    similarity = views @ views.T / temperature
    itself = torch.eye(2 * count, dtype=torch.bool, device=views.device)
    partner = torch.arange(2 * count, device=views.device).roll(count)
    return cross_entropy(similarity.masked_fill(itself, -math.inf), partner)


def chance_nt_xent(slices: int) -> float:
    """The loss of `slices` where all cosines are equal: nothing is told apart."""
    return math.log(2 * slices - 1)
