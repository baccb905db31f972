"""The segmentation loss: half binary cross entropy, half soft Dice over the whole batch.

A mask at the network's size says which share of a pixel the tumour covers. Both halves are least where the network says
just that share; enlarged again, a half then lies where the outline was drawn (decision 015 in docs).
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

SMOOTH = 1.0


def segmentation_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """0.5 BCE + 0.5 (1 - soft Dice), Dice pooled over the batch; logits and mask of 0 to 1 (B, 1, H, W)."""
    return 0.5 * binary_cross_entropy_with_logits(logits, mask) + 0.5 * soft_dice_loss(logits, mask)


def soft_dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """1 - (2 sum min(p, t) + 1) / (sum p + sum t + 1), pooled over the batch, so that empty slices count by pixels.

    For a mask of 0 and 1 that is the usual product p t. For one with shares the product is least at p of 0 or 1, the
    minimum at p = t: Wang et al. 2023 (arXiv:2303.16296), their loss DML1, since 2 min(p, t) = p + t - |p - t|.
    """
    probability = torch.sigmoid(logits)
    overlap = torch.minimum(probability, mask).sum()
    return 1 - (2 * overlap + SMOOTH) / (probability.sum() + mask.sum() + SMOOTH)
