"""Gene encoders: a patient's expression to a sequence of gene tokens.

B batch, G genes, P genes a patch, T tokens, D width.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from mgi.models.mamba import Mamba
from mgi.models.settings import ModelSettings


class GeneTokens(nn.Module):
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
        self.position = nn.Parameter(torch.randn(1, self.n_tokens, width) * 0.02)

    def forward(self, values: Tensor) -> Tensor:
        """Embed standardised expression."""
        batch, genes = values.shape
        if genes != self.n_genes:
            raise ValueError(f"{genes} genes given, {self.n_genes} expected")
        patches = pad(values, (0, self.n_tokens * self.patch - genes)).view(batch, self.n_tokens, self.patch)
        weight = self.weight.expand(self.n_tokens, -1, -1)
        return torch.einsum("btp,tpd->btd", patches, weight) + self.position


class Residual(nn.Module):
    """Pre-norm residual: x + layer(norm(x))."""

    def __init__(self, width: int, layer: nn.Module) -> None:
        super().__init__()
        self.norm, self.layer = nn.LayerNorm(width), layer

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        return x + self.layer(self.norm(x))  # type: ignore[no-any-return]


class GeneEncoder(nn.Module):
    """Tokens, then blocks that mix them, then a final norm: (B, G) to (B, T, D)."""

    def __init__(self, tokens: GeneTokens, blocks: list[nn.Module], width: int) -> None:
        super().__init__()
        self.tokens, self.blocks, self.norm = tokens, nn.Sequential(*blocks), nn.LayerNorm(width)
        self.width = width

    def forward(self, values: Tensor) -> Tensor:
        """Encode standardised expression."""
        return self.norm(self.blocks(self.tokens(values)))  # type: ignore[no-any-return]


def build_gene_encoder(settings: ModelSettings, n_genes: int) -> GeneEncoder:
    """The encoder named by `settings.gene_encoder`, for `n_genes` genes in a fixed order."""
    width = settings.gene_width
    tokens = GeneTokens(n_genes, settings.gene_patch, width, kind=settings.gene_tokens)
    make = BLOCKS[settings.gene_encoder]
    return GeneEncoder(tokens, [make(settings) for _ in range(settings.gene_depth)], width)


def _mamba_block(settings: ModelSettings) -> nn.Module:
    mixer = Mamba(
        settings.gene_width,
        d_state=settings.gene_state,
        bidirectional=settings.bidirectional,
        backend=settings.scan_backend,
    )
    return Residual(settings.gene_width, mixer)


def _transformer_block(settings: ModelSettings) -> nn.Module:
    return nn.TransformerEncoderLayer(
        settings.gene_width, 4, 4 * settings.gene_width, dropout=0.0, batch_first=True, norm_first=True
    )


def _mlp_block(settings: ModelSettings) -> nn.Module:
    """A token-wise perceptron: the control without any mixing between genes of different patches."""
    width = settings.gene_width
    layer = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
    return Residual(width, layer)


BLOCKS: dict[str, Callable[[ModelSettings], nn.Module]] = {
    "mamba": _mamba_block,
    "transformer": _transformer_block,
    "mlp": _mlp_block,
}
