"""Tokenisers: a patient's standardised expression to a sequence of gene tokens.

B batch, G genes, P genes a patch, T tokens, S gene sets, M members of all sets, D width. Every tokeniser knows
`n_genes` and `n_tokens`.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, linear, pad

from mgi.core.errors import ConfigError
from mgi.models.settings import ModelSettings

Members = Mapping[str, Sequence[int]]
IDENTITY_SPREAD = 0.02  # of a patch's position at the start, small beside its values


class SingleGeneTokens(nn.Module):
    """(B, G) to (B, G, D): each gene's value times one learned vector, plus the gene's own embedding.

    Only the embedding tells genes apart, so it starts as large as the value's part.
    """

    def __init__(self, n_genes: int, width: int) -> None:
        super().__init__()
        self.n_genes = self.n_tokens = n_genes
        self.weight = nn.Parameter(torch.randn(width, 1))
        self.position = nn.Parameter(torch.randn(1, n_genes, width))

    def forward(self, values: Tensor) -> Tensor:
        """Embed standardised expression."""
        return linear(values.unsqueeze(-1), self.weight) + self.position


class PatchTokens(nn.Module):
    """(B, G) to (B, T, D): patches of P consecutive genes through a linear map, plus a learned position.

    `shared` maps every patch with one matrix, `local` with a matrix of its own. The last patch is padded with zeros,
    the training mean of a standardised gene.
    """

    def __init__(self, n_genes: int, patch: int, width: int, *, kind: Literal["shared", "local"]) -> None:
        super().__init__()
        self.n_genes, self.patch = n_genes, patch
        self.n_tokens = -(-n_genes // patch)
        maps = self.n_tokens if kind == "local" else 1
        self.weight = nn.Parameter(torch.randn(maps, patch, width) * patch**-0.5)
        self.position = nn.Parameter(torch.randn(1, self.n_tokens, width) * IDENTITY_SPREAD)

    def forward(self, values: Tensor) -> Tensor:
        """Embed standardised expression."""
        padded = pad(values, (0, self.n_tokens * self.patch - self.n_genes))
        patches = padded.view(len(values), self.n_tokens, self.patch)
        if len(self.weight) == 1:
            return patches @ self.weight[0] + self.position
        return torch.einsum("btp,tpd->btd", patches, self.weight) + self.position


class PathwayTokens(nn.Module):
    """(B, G) to (B, S, D): a token a gene set, a linear map of its own genes and an ELU, plus a learned position.

    One layer of the self-normalising network that SurvPath has for each pathway. A gene may be in several sets; one
    that is in none is not read.
    """

    members: Tensor

    def __init__(self, n_genes: int, sets: Members, width: int) -> None:
        super().__init__()
        self.n_genes, self.n_tokens = n_genes, len(sets)
        self.sizes = [len(own) for own in sets.values()]
        self.register_buffer("members", torch.tensor([g for own in sets.values() for g in own]), persistent=False)
        fan_in = torch.tensor(self.sizes).repeat_interleave(torch.tensor(self.sizes))
        self.weight = nn.Parameter(torch.randn(len(self.members), width) * fan_in.unsqueeze(1) ** -0.5)  # M D
        self.bias = nn.Parameter(torch.zeros(self.n_tokens, width))
        self.position = nn.Parameter(torch.randn(1, self.n_tokens, width) * IDENTITY_SPREAD)

    def forward(self, values: Tensor) -> Tensor:
        """Embed standardised expression."""
        own = values[:, self.members].split(self.sizes, 1)  # S times B genes
        sums = [genes @ weight for genes, weight in zip(own, self.weight.split(self.sizes), strict=True)]
        return elu(torch.stack(sums, 1) + self.bias) + self.position


class GroupTokens(nn.Module):
    """(B, G) to (B, 1 + T, D): a class token, then at most `groups` runs of genes, each with its own linear map.

    After the abstract of GiMP, whose code was never released; depth, width and number of groups are ours.
    """

    def __init__(self, n_genes: int, groups: int, width: int) -> None:
        super().__init__()
        self.groups = PatchTokens(n_genes, -(-n_genes // groups), width, kind="local")
        self.n_genes, self.n_tokens = n_genes, 1 + self.groups.n_tokens
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * IDENTITY_SPREAD)

    def forward(self, values: Tensor) -> Tensor:
        """Embed standardised expression."""
        return torch.cat([self.cls_token.expand(len(values), -1, -1), self.groups(values)], 1)


class FlatToken(nn.Module):
    """(B, G) to (B, 1, D): all genes through a perceptron with one hidden layer, D wide, to one token."""

    n_tokens = 1

    def __init__(self, n_genes: int, width: int) -> None:
        super().__init__()
        self.n_genes = n_genes
        self.layers = nn.Sequential(nn.Linear(n_genes, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, values: Tensor) -> Tensor:
        """Embed standardised expression."""
        return self.layers(values).unsqueeze(1)  # type: ignore[no-any-return]


Tokeniser = SingleGeneTokens | PatchTokens | PathwayTokens | GroupTokens | FlatToken


def build_tokens(settings: ModelSettings, n_genes: int, sets: Members | None) -> Tokeniser:
    """The tokeniser that the encoder is bound to, else the one named by `settings.gene_tokens`.

    Raises ConfigError where pathways are asked for and no gene sets are given.
    """
    width = settings.gene_width
    if settings.gene_encoder == "flat_mlp":
        return FlatToken(n_genes, width)
    if settings.gene_encoder == "group_attention":
        return GroupTokens(n_genes, settings.gene_groups, width)
    if settings.gene_tokens == "gene":
        return SingleGeneTokens(n_genes, width)
    if settings.gene_tokens == "pathway":
        if not sets:
            raise ConfigError("model.gene_tokens: pathway needs gene sets, expected a .gmt file in model.pathways")
        return PathwayTokens(n_genes, sets, width)
    return PatchTokens(n_genes, settings.gene_patch, width, kind=settings.gene_tokens)
