"""Pooling of tokens: their mean or a learned blend of it with their maximum, over all or segments, or a class token.

B batch, T tokens, K segments, D width.
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
    """(B, T, D) to (B, K, D), K at most `at_most`: mixed pooling of equal segments, the last may be shorter.

    As many tokens as that, or fewer, are left as they are. In two steps, so that what nothing learned is computed once
    and can be kept: `pool_segments` to maxima and means, then the blend.
    """

    def __init__(self, n_tokens: int, at_most: int) -> None:
        super().__init__()
        self.length = -(-n_tokens // at_most)
        self.n_segments = -(-n_tokens // self.length)
        if self.length > 1:
            self.blend = nn.Parameter(torch.zeros(()))

    def pool_segments(self, tokens: Tensor) -> Tensor:
        """(B, T, D) to (B, 2, K, D), maxima and means of the segments; or to (B, 1, T, D), the tokens, where K is T."""
        if self.length == 1:
            return tokens.unsqueeze(1)
        whole = tokens.shape[1] // self.length * self.length
        segments = [tokens[:, :whole].unflatten(1, (-1, self.length))]  # B K length D
        if whole < tokens.shape[1]:
            segments.append(tokens[:, whole:].unsqueeze(1))
        maxima = torch.cat([part.amax(2) for part in segments], 1)  # B K D
        means = torch.cat([part.mean(2) for part in segments], 1)  # B K D
        return torch.stack([maxima, means], 1)

    def forward(self, pooled: Tensor) -> Tensor:
        """Blend what `pool_segments` gave; (B, K, D)."""
        if self.length == 1:
            return pooled[:, 0]  # B T D
        share = torch.sigmoid(self.blend)
        return share * pooled[:, 0] + (1 - share) * pooled[:, 1]
