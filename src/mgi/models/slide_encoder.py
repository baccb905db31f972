"""Slide encoders: a bag of tiles to one vector of the slide, a token a tile, and how much each tile counts.

B slides, N tiles of the longest bag, E numbers of a tile, W width, K heads, D = W / K. Tiles of a bag are a set: their
places say where they lie, and their order says nothing. What is no tile (`real` is false) changes nothing.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from mgi.models.settings import ModelSettings

LONGEST_WAVE = 1000.0  # tiles; the shortest wave of the position code is 2 pi tiles
CLASS_SPREAD = 0.02


class SlideTokens(NamedTuple):
    """Vectors of slides (B, W), tokens of their tiles (B, N, W), and the tiles' shares (B, N) in the slide's vector.

    Shares add up to 1 over a slide's tiles, and are 0 elsewhere. Tokens where there is no tile mean nothing.
    """

    slide: Tensor
    tiles: Tensor
    attention: Tensor


class TileEmbedding(nn.Module):
    """Tiles (B, N, E) standardised, through a linear map and a LayerNorm: (B, N, W).

    What standardises each number is kept with the weights, so that a slide of elsewhere is read as in training.
    """

    tile_mean: Tensor
    tile_sd: Tensor

    def __init__(self, tile_width: int, width: int) -> None:
        super().__init__()
        self.register_buffer("tile_mean", torch.zeros(tile_width))
        self.register_buffer("tile_sd", torch.ones(tile_width))
        self.linear, self.norm = nn.Linear(tile_width, width), nn.LayerNorm(width)

    def standardised(self, tiles: Tensor) -> Tensor:
        """Each number of the tiles less its mean, in its standard deviations."""
        return (tiles.float() - self.tile_mean) / self.tile_sd

    def forward(self, tiles: Tensor, hidden: Tensor | None = None, mask_token: Tensor | None = None) -> Tensor:
        """Tokens, in which `mask_token` (W,) stands for tiles that are `hidden` (B, N)."""
        tokens = self.norm(self.linear(self.standardised(tiles)))
        if hidden is None or mask_token is None:
            return tokens  # type: ignore[no-any-return]
        return torch.where(hidden.unsqueeze(-1), mask_token.to(tokens.dtype), tokens)


class SlideEncoder(nn.Module):
    """Tiles, their embedding, and what makes a slide of them: (B, N, E) to `SlideTokens`."""

    def __init__(self, embedding: TileEmbedding, gathering: nn.Module, width: int) -> None:
        super().__init__()
        self.embedding, self.gathering, self.width = embedding, gathering, width

    def standardise_by(self, mean: Tensor, sd: Tensor) -> None:
        """Keep the mean and standard deviation (E,) of each number over the training patients' tiles.

        A number that never varies is left as it is, less its mean.
        """
        self.embedding.tile_mean.copy_(mean)
        self.embedding.tile_sd.copy_(torch.where(sd > 0, sd, 1.0))

    @property
    def is_standardised(self) -> bool:
        """Whether it keeps a mean and standard deviation of tiles, and not the 0 and 1 that it begins with."""
        return bool((self.embedding.tile_mean != 0).any() or (self.embedding.tile_sd != 1).any())

    def standardise_as(self, tensors: Mapping[str, Tensor], prefix: str) -> None:
        """Keep those of a trained encoder, whose tensors have names that begin with `prefix`."""
        for name, buffer in self.named_buffers():
            buffer.copy_(tensors[f"{prefix}{name}"])

    def standardised(self, tiles: Tensor) -> Tensor:
        """Tiles (B, N, E) as the encoder reads them."""
        return self.embedding.standardised(tiles)

    def forward(
        self,
        tiles: Tensor,
        places: Tensor,
        real: Tensor,
        hidden: Tensor | None = None,
        mask_token: Tensor | None = None,
    ) -> SlideTokens:
        """Encode tiles (B, N, E) at `places` (B, N, 2) in tile pitches, x first, of which some are `real` (B, N).

        `mask_token` (W,) stands for tiles that are `hidden` (B, N), before their places are added.
        Raises ValueError where the tiles have another width than the encoder.
        """
        if tiles.shape[-1] != (expected := self.embedding.linear.in_features):
            raise ValueError(f"{tiles.shape[-1]} numbers a tile given, {expected} expected")
        found: SlideTokens = self.gathering(self.embedding(tiles, hidden, mask_token), places, real)
        return found


class TransformerGathering(nn.Module):
    """Pre-norm blocks over a class token and the tiles at their places; the class token is the slide.

    The shares of the tiles are the class token's attention in the last block, a mean over the heads, without its part
    for itself.
    """

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.randn(width) * CLASS_SPREAD)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, places: Tensor, real: Tensor) -> SlideTokens:
        """(B, N, W) to what the slide is."""
        placed = tokens + position_code(places, tokens.shape[-1]).to(tokens.dtype)
        x = torch.cat([self.class_token.to(placed.dtype).expand(len(placed), 1, -1), placed], 1)  # B 1+N W
        keys = torch.cat([real.new_ones(len(real), 1), real], 1)  # B 1+N
        *earlier, last = self.blocks
        for block in earlier:
            x = block(x, keys)
        assert isinstance(last, Block)
        attention = last.class_attention(x, keys)
        x = last(x, keys)
        x = self.norm(x)
        return SlideTokens(slide=x[:, 0], tiles=x[:, 1:], attention=attention)


class Block(nn.Module):
    """Self-attention and a perceptron, each x + layer(norm(x)); no token attends to what is no tile."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, keys: Tensor) -> Tensor:
        """(B, T, W) to (B, T, W); `keys` (B, T) are the tokens that can be attended to."""
        queries, each_key, values = self._parts(x)
        mixed = scaled_dot_product_attention(queries, each_key, values, attn_mask=keys[:, None, None])  # B K T D
        x = x + self.joined(mixed.transpose(1, 2).flatten(2))
        return x + self.perceptron(self.perceptron_norm(x))  # type: ignore[no-any-return]

    def class_attention(self, x: Tensor, keys: Tensor) -> Tensor:
        """The first token's attention to the others (B, T - 1), which adds up to 1; no gradient."""
        with torch.no_grad():
            queries, each_key, _ = self._parts(x)
            scores = (queries[:, :, :1] @ each_key.transpose(2, 3)).float() * queries.shape[-1] ** -0.5  # B K 1 T
            shares = scores.masked_fill(~keys[:, None, None], -torch.inf).softmax(-1).mean((1, 2))[:, 1:]
            return shares / shares.sum(1, keepdim=True)  # type: ignore[no-any-return]

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parts = self.queries_keys_values(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1))  # B T 3 K D
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # B K T D each
        return queries, keys, values


class GatedAttention(nn.Module):
    """The mean of the tiles weighed by gated attention (Ilse et al. 2018, eq. 9); it knows no places."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.content, self.gate = nn.Linear(width, width), nn.Linear(width, width)
        self.score = nn.Linear(width, 1)

    def forward(self, tokens: Tensor, places: Tensor, real: Tensor) -> SlideTokens:
        """(B, N, W) to what the slide is."""
        scores = self.score(self.content(tokens).tanh() * self.gate(tokens).sigmoid()).squeeze(-1)  # B N
        attention = scores.float().masked_fill(~real, -torch.inf).softmax(1)
        return SlideTokens(slide=_weighed(tokens, attention), tiles=tokens, attention=attention)


class MeanOfTiles(nn.Module):
    """The plain mean of the tiles; it knows no places."""

    def forward(self, tokens: Tensor, places: Tensor, real: Tensor) -> SlideTokens:
        """(B, N, W) to what the slide is."""
        attention = real.float() / real.float().sum(1, keepdim=True)
        return SlideTokens(slide=_weighed(tokens, attention), tiles=tokens, attention=attention)


def position_code(places: Tensor, width: int) -> Tensor:
    """Places (B, N, 2), in tile pitches, to sines and cosines (B, N, W): a half of the width for each axis."""
    count = width // 4
    rate = LONGEST_WAVE ** -torch.linspace(0, 1, count, device=places.device)  # radians a tile
    angles = places.float().unsqueeze(-1) * rate  # B N 2 W/4
    return torch.cat([angles.sin(), angles.cos()], -1).flatten(2)


def slide_pooling(tokens: SlideTokens) -> Tensor:
    """The vectors of the slides (B, W)."""
    return tokens.slide


def build_slide_encoder(settings: ModelSettings, tile_width: int) -> SlideEncoder:
    """The encoder named by `settings.slide_encoder`, with fresh weights, for tiles of so many numbers."""
    width = settings.slide_width
    gathering: nn.Module
    if settings.slide_encoder == "transformer":
        gathering = TransformerGathering(width, settings.slide_depth, settings.slide_heads)
    else:
        gathering = GatedAttention(width) if settings.slide_encoder == "gated_attention" else MeanOfTiles()
    return SlideEncoder(TileEmbedding(tile_width, width), gathering, width)


def _weighed(tokens: Tensor, shares: Tensor) -> Tensor:
    """The sum (B, W) of tokens (B, N, W) by their shares (B, N); what has none may be anything but NaN."""
    return torch.einsum("bn,bnw->bw", shares.to(tokens.dtype), tokens)
