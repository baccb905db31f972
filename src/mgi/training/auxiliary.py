"""Losses beside the contrast: what was hidden is restored from what was left, and pairs lie nearer than mixed pairs.

The sums are over elements, so that the parts of a batch that lie on several devices add up to the whole's mean.
"""

import torch
from torch import Tensor
from torch.nn.functional import layer_norm


def squared_error_sum(restored: Tensor, truth: Tensor, hidden: Tensor) -> Tensor:
    """Sum of squared errors over the elements (B, G) that were hidden."""
    return torch.where(hidden, restored - truth, 0.0).square().sum()


def embedding_error_sum(predicted: Tensor, seen: Tensor, hidden: Tensor) -> Tensor:
    """Squared error, a mean over the width, summed over the hidden places (B, T) of token embeddings (B, T, D).

    `seen` comes from the encoder that saw all; it is standardised per token and no gradient runs into it: else both
    sides would agree fastest by becoming constant.
    """
    target = layer_norm(seen.detach().float(), seen.shape[-1:])
    return ((predicted - target).square().mean(-1) * hidden).sum()


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of max(0, |a - p|^2 - |a - n|^2 + margin) over unit vectors (B, D)."""
    nearer = (anchor - positive).square().sum(-1) - (anchor - negative).square().sum(-1)
    return torch.relu(nearer + margin).mean()
