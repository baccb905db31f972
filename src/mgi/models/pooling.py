"""Pooling of tokens: their mean or a learned blend of it with their maximum, over all or over runs, or a class token.

B batch, T tokens, K runs, D width.
"""

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


class MeanPooling(nn.Module):
    """(B, T, D) to (B, D): the mean, in which the noise of T tokens cancels and what they share stays."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Pool over the tokens."""
        return tokens.mean(1)


class ClassPooling(nn.Module):
    """(B, T, D) to (B, D): the first token, which stands for all."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Pool over the tokens."""
        return tokens[:, 0]


class SegmentPooling(nn.Module):
    """(B, T, D) to (B, K, D), K at most `at_most`: mixed pooling of equal runs of neighbours, the last may be shorter.

    As many tokens as that, or fewer, are left as they are. In two steps, so that what nothing learned is computed once
    and can be kept: `condense` to maxima and means, then the blend.
    """

    def __init__(self, n_tokens: int, at_most: int) -> None:
        super().__init__()
        self.run = -(-n_tokens // at_most)
        self.n_runs = -(-n_tokens // self.run)
        if self.run > 1:
            self.blend = nn.Parameter(torch.zeros(()))

    def condense(self, tokens: Tensor) -> Tensor:
        """(B, T, D) to (B, 2, K, D), maxima and means of the runs; or to (B, 1, T, D), the tokens, where K is T."""
        if self.run == 1:
            return tokens.unsqueeze(1)
        whole = tokens.shape[1] // self.run * self.run
        runs = [tokens[:, :whole].unflatten(1, (-1, self.run))]  # B K run D
        if whole < tokens.shape[1]:
            runs.append(tokens[:, whole:].unsqueeze(1))
        return torch.stack([torch.cat([part.amax(2) for part in runs], 1), torch.cat([p.mean(2) for p in runs], 1)], 1)

    def forward(self, condensed: Tensor) -> Tensor:
        """Blend what `condense` gave; (B, K, D)."""
        if self.run == 1:
            return condensed[:, 0]
        share = torch.sigmoid(self.blend)
        return share * condensed[:, 0] + (1 - share) * condensed[:, 1]
