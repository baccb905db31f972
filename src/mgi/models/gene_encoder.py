"""Gene encoders: a patient's expression to a sequence of gene tokens. B batch, G genes, T tokens, D width."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mgi.models.encoder_names import added_encoder
from mgi.models.gene_tokens import GroupTokens, Members, Tokeniser, build_tokens
from mgi.models.mamba import Mamba
from mgi.models.settings import ModelSettings


class Residual(nn.Module):
    """Pre-norm residual: x + layer(norm(x))."""

    def __init__(self, width: int, layer: nn.Module) -> None:
        super().__init__()
        self.norm, self.layer = nn.LayerNorm(width), layer

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        return x + self.layer(self.norm(x))  # type: ignore[no-any-return]


class GeneEncoder(nn.Module):
    """Tokens, then blocks that mix them, then a final norm: (B, G) to (B, T, D).

    Where the patients' tokens are more than `tokens_at_once` together, the blocks run on fewer patients at a time, and
    keep no activations: these are computed again in the backward pass. With `has_class_token` the first token stands
    for the patient.
    """

    def __init__(
        self, tokens: Tokeniser, blocks: list[nn.Module], width: int, *, tokens_at_once: int, has_class_token: bool
    ) -> None:
        super().__init__()
        self.tokens, self.blocks, self.norm = tokens, nn.Sequential(*blocks), nn.LayerNorm(width)
        self.width, self.tokens_at_once, self.has_class_token = width, tokens_at_once, has_class_token

    def forward(self, values: Tensor) -> Tensor:
        """Encode standardised expression; of another number of genes it would read what is not there."""
        if values.shape[1] != self.tokens.n_genes:
            raise ValueError(f"{values.shape[1]} genes given, {self.tokens.n_genes} expected")
        return self.norm(self.mix(self.tokens(values)))  # type: ignore[no-any-return]

    def mix(self, tokens: Tensor) -> Tensor:
        """The blocks alone, in bounded memory; (B, T, D) to (B, T, D)."""
        batch, n_tokens, _ = tokens.shape
        if self.tokens_at_once == 0 or batch * n_tokens <= self.tokens_at_once:
            return self.blocks(tokens)  # type: ignore[no-any-return]
        patients = tokens.split(max(1, self.tokens_at_once // n_tokens))
        return torch.cat([self._mix_a_few(few) for few in patients])

    def _mix_a_few(self, tokens: Tensor) -> Tensor:
        for block in self.blocks:
            tokens = checkpoint(block, tokens, use_reentrant=False) if torch.is_grad_enabled() else block(tokens)
        return tokens


def build_gene_encoder(settings: ModelSettings, n_genes: int, sets: Members | None = None) -> GeneEncoder:
    """The encoder named by `settings.gene_encoder`, for `n_genes` genes in a fixed order.

    `sets` are the genes of each pathway, for pathway tokens. Raises ConfigError where those need them.

    >>> encoder = build_gene_encoder(ModelSettings(size="tiny", gene_encoder="mamba", gene_patch=4), n_genes=10)
    >>> encoder(torch.zeros(2, 10)).shape  # patients, tokens of 4 genes, gene_width
    torch.Size([2, 3, 16])
    """
    name = settings.gene_encoder
    tokens, make = build_tokens(settings, n_genes, sets), BLOCKS.get(name) or added_encoder(name)
    return GeneEncoder(
        tokens,
        [make(settings) for _ in range(settings.gene_depth)] if make else [],
        settings.gene_width,
        tokens_at_once=settings.gene_tokens_at_once,
        has_class_token=isinstance(tokens, GroupTokens),
    )


def _mamba_block(settings: ModelSettings) -> nn.Module:
    width, tied = settings.gene_width, settings.gene_decays == "tied"
    layer = Mamba(
        width,
        settings.gene_state,
        bidirectional=settings.bidirectional,
        tied_decays=tied,
        backend=settings.scan_backend,
    )
    return Residual(width, layer)


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
    "group_attention": _transformer_block,
}
"""What mixes the tokens, by the encoder's name; `flat_mlp` has one token and nothing to mix."""
