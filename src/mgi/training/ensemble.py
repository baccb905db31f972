"""Several trainings of one method that speak together."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mgi.training.finetune import forward, frozen_cache_for


class Ensemble(nn.Module):
    """The mean of the members' outputs, such as logits, under the signature of MGI.

    All members read genes by the same list and scaler. None learns any more: each keeps what it has encoded.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self._caches = [frozen_cache_for(member) for member in members]

    def forward(self, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        """Outputs (B, ...) of slices (B, C, S, S) and genes (U, G), whose rows `patient` (B,) names."""
        own = zip(self.members, self._caches, strict=True)
        return torch.stack([forward(one, images, genes, patient, has_genes, cache) for one, cache in own]).mean(0)
