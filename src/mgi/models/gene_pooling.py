"""What makes one vector of a patient's tokens, as in pre-training. U patients, T tokens, D width."""

from typing import Literal

import torch
from torch import Tensor, nn


class GenePooling(nn.Module):
    """Gene tokens to a vector, as in pre-training: the class token, the mean, or a learned blend of it and the maximum.

    In two steps, as the blend learns while what is blended can be kept: `parts`, then the blend.
    """

    def __init__(self, kind: Literal["class", "mean", "mixed"]) -> None:
        super().__init__()
        self.kind = kind
        if kind == "mixed":
            self.blend = nn.Parameter(torch.zeros(()))

    def parts(self, tokens: Tensor) -> Tensor:
        """(U, T, D) to (U, 1, D), or to the maxima and means (U, 2, D)."""
        if self.kind == "class":
            return tokens[:, :1]
        mean = tokens.mean(1, keepdim=True)
        return mean if self.kind == "mean" else torch.cat([tokens.amax(1, keepdim=True), mean], 1)

    def forward(self, parts: Tensor) -> Tensor:
        """Blend what `parts` gave; (U, D)."""
        if self.kind != "mixed":
            return parts[:, 0]
        share = torch.sigmoid(self.blend)
        return share * parts[:, 0] + (1 - share) * parts[:, 1]


def gene_pooling_of(kind: Literal["mean", "mixed"], *, has_class_token: bool) -> GenePooling:
    """The pooling of an encoder's tokens: by the class token where it has one, else of this kind."""
    return GenePooling("class" if has_class_token else kind)
