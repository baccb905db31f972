"""The fusion decoder: two-way attention between gene tokens and image tokens, then a mask.

The paper's light decoder is SAM's mask decoder with gene tokens in the place of prompts and no IoU head
(Kirillov et al. 2023, figure 14); no mask-derived prompt ever enters. B batch, G gene tokens, T image tokens, D width,
H W pixels of the decoder's output.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate

from mgi.models.conv_stem import UpsamplingPath, stem_channels
from mgi.models.settings import ModelSettings

TUMOUR_LOG_ODDS = -3.0  # of a pixel, about: where a mask starts


class Attention(nn.Module):
    """Multi-head attention with an inner width of its own."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, inner) for _ in range(3))
        self.out = nn.Linear(inner, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(B, Q, D), (B, K, D), (B, K, D) to (B, Q, D)."""
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # B heads tokens inner/heads
            for layer, x in ((self.query, query), (self.key, key), (self.value, value))
        )
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class TwoWayBlock(nn.Module):
    """Gene self-attention, genes look at the image, a perceptron on genes, the image looks at the genes.

    The positional code of a gene token is its first value, as in SAM; it enters queries and keys only.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attention = Attention(width, heads, width)
        self.gene_to_image = Attention(width, heads, width // 2)
        self.image_to_gene = Attention(width, heads, width // 2)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))

    def forward(self, genes: Tensor, image: Tensor, gene_code: Tensor, image_code: Tensor) -> tuple[Tensor, Tensor]:
        """Update both sides; (B, G, D) and (B, T, D)."""
        coded = genes + gene_code
        genes = self.norms[0](genes + self.self_attention(coded, coded, genes))
        genes = self.norms[1](genes + self.gene_to_image(genes + gene_code, image + image_code, image))
        genes = self.norms[2](genes + self.mlp(genes))
        image = self.norms[3](image + self.image_to_gene(image + image_code, genes + gene_code, genes))
        return genes, image


class PlainUpsampling(nn.Module):
    """`stages` transposed convolutions; the last map has width / 8 channels. (B, D, h, w) to (B, C, H, W).

    A doubling gives each pixel four of its own, which no other pixel touches: one matrix product, and a rearrangement.
    """

    def __init__(self, width: int, stages: int) -> None:
        super().__init__()
        channels = [width, width // 4, *[width // 8] * stages][: stages + 1]
        self.width = channels[-1]
        self.doublings = nn.ModuleList(
            nn.ConvTranspose2d(wide, narrow, 2, stride=2) for wide, narrow in pairwise(channels)
        )
        self.first_norm = nn.GroupNorm(1, channels[1]) if stages else nn.Identity()

    def forward(self, pixels: Tensor, maps: list[Tensor]) -> Tensor:
        """Up from the patch grid; there is no pyramid, so `maps` is empty."""
        for stage, layer in enumerate(self.doublings):
            assert isinstance(layer, nn.ConvTranspose2d)
            pixels = doubled(pixels, layer)
            pixels = gelu(self.first_norm(pixels) if stage == 0 else pixels)
        return pixels


def doubled(pixels: Tensor, layer: nn.ConvTranspose2d) -> Tensor:
    """What a transposed convolution of 2 x 2 pixels with stride 2 makes of (B, C, h, w): (B, C', 2 h, 2 w).

    The same numbers but for rounding, in memory that lies channels-last. On one core forward and backward pass take
    half the time of torch's own.
    """
    weight, bias = layer.weight, layer.bias  # C C' 2 2, C'
    assert bias is not None
    batch, channels, rows, columns = pixels.shape
    each = pixels.permute(0, 2, 3, 1).reshape(-1, channels)  # B h w, C
    four = torch.addmm(bias.repeat(4), each, weight.permute(0, 2, 3, 1).reshape(channels, -1))  # B h w, 2 2 C'
    four = four.view(batch, rows, columns, 2, 2, -1).transpose(2, 3)  # B h 2 w 2 C'
    return four.reshape(batch, 2 * rows, 2 * columns, -1).permute(0, 3, 1, 2)


class MaskDecoder(nn.Module):
    """Gene tokens (B, G, D_g) and image tokens (B, T, D_i) to mask logits (B, 1, H, W).

    Doublings of the token grid lead to the last map, and the gene tokens' perceptron gives the weights of its
    point-wise product (the paper's "MIP" block), averaged over the tokens. A learned offset, which the networks of the
    comparison have too, spares the first steps from darkening the background. Attention between gene tokens is
    quadratic: no more than `gene_tokens` of them should come.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        width, heads, stages = settings.decoder_width, settings.decoder_heads, settings.upsampling_stages
        channels = stem_channels(settings.stem_width, settings.patch_size)
        self.grid = grid = settings.image_size // settings.patch_size
        self.gene_tokens = settings.fusion_tokens
        self.from_image, self.from_genes = nn.Linear(settings.image_width, width), nn.Linear(settings.gene_width, width)
        self.image_code = nn.Parameter(torch.randn(1, grid * grid, width) * 0.02)
        self.blocks = nn.ModuleList(TwoWayBlock(width, heads) for _ in range(settings.decoder_depth))
        self.last_attention, self.last_norm = Attention(width, heads, width // 2), nn.LayerNorm(width)
        self.ascent = (
            PlainUpsampling(width, stages)
            if settings.image_stem == "patch_embed"
            else UpsamplingPath(width, channels, stages, settings.convolution_norm)
        )
        self.weights = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, self.ascent.width)
        )
        self.offset = nn.Parameter(torch.tensor(TUMOUR_LOG_ODDS))

    def forward(self, image: Tensor, genes: Tensor, maps: list[Tensor]) -> Tensor:
        """Decode one mask a slice, on the decoder's own grid; `maps` are those of the image encoder's pyramid."""
        image, genes = self.from_image(image), self.from_genes(genes)
        code = genes
        for block in self.blocks:
            genes, image = block(genes, image, code, self.image_code)
        looked = self.last_attention(genes + code, image + self.image_code, image)
        genes = self.last_norm(genes + looked)
        pixels = image.transpose(1, 2).unflatten(2, (self.grid, self.grid))  # B D h w
        pixels = self.ascent(pixels, maps)
        weights = self.weights(genes).mean(1)  # B C
        # Channels last, as the maps lie: of another order the gradient would be copied at each layer behind.
        logits: Tensor = pixels.permute(0, 2, 3, 1).flatten(1, 2) @ weights.unsqueeze(2)  # B H*W 1
        return logits.view(len(pixels), 1, *pixels.shape[2:]) + self.offset  # B 1 H W


def resize_logits(logits: Tensor, size: int) -> Tensor:
    """Bilinear resize to `size` squared, unchanged where it is that already."""
    if logits.shape[-1] == size:
        return logits
    return interpolate(logits, size=(size, size), mode="bilinear", align_corners=False)
