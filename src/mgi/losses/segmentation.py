"""The segmentation loss: half binary cross entropy, half soft Dice over the whole batch."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

SMOOTH = 1.0


def segmentation_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """0.5 BCE + 0.5 (1 - soft Dice), Dice pooled over the batch; logits and mask (B, 1, H, W)."""
    return 0.5 * binary_cross_entropy_with_logits(logits, mask) + 0.5 * soft_dice_loss(logits, mask)


def soft_dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """1 - (2 sum pt + 1) / (sum p + sum t + 1), pooled over the batch, so that empty slices count by their pixels."""
    probability = torch.sigmoid(logits)
    overlap = (probability * mask).sum()
    return 1 - (2 * overlap + SMOOTH) / (probability.sum() + mask.sum() + SMOOTH)
