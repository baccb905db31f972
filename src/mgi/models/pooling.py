"""Mixed pooling of tokens: a learned blend of their maximum and their mean."""

import torch
from torch import Tensor, nn


class MixedPooling(nn.Module):
    """(B, T, D) to (B, D): a max + (1 - a) mean, with one learned a, a half at the start.

    The paper says "mixed pooling" and no more; this is the mixed max-average pooling of Lee et al. (AISTATS 2016).
    """

    def __init__(self) -> None:
        super().__init__()
        self.blend = nn.Parameter(torch.zeros(()))

    def forward(self, tokens: Tensor) -> Tensor:
        """Pool over the tokens."""
        share = torch.sigmoid(self.blend)
        return share * tokens.amax(1) + (1 - share) * tokens.mean(1)
