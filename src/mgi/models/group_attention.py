"""Group multi-head self-attention over genes, after the abstract of GiMP (its code was never released).

Genes are split into consecutive groups, each group is mapped linearly to a token, a class token goes first, and
self-attention mixes them; the class token stands for the patient. Depth, width and number of groups are ours.
B batch, G genes, T groups, D width.
"""

import torch
from torch import Tensor, nn

from mgi.models.gene_tokens import IDENTITY_SPREAD, PatchTokens


class GroupTokens(nn.Module):
    """(B, G) to (B, 1 + T, D): a class token, then at most `groups` runs of genes, each with its own linear map."""

    def __init__(self, n_genes: int, groups: int, width: int) -> None:
        super().__init__()
        self.groups = PatchTokens(n_genes, -(-n_genes // groups), width, kind="local")
        self.n_genes, self.n_tokens = n_genes, 1 + self.groups.n_tokens
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * IDENTITY_SPREAD)

    def forward(self, values: Tensor) -> Tensor:
        """Embed standardised expression."""
        return torch.cat([self.cls_token.expand(len(values), -1, -1), self.groups(values)], 1)
