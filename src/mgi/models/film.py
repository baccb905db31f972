"""A U-Net whose bottleneck the genes scale and shift: FiLM (Perez et al. 2018, arXiv:1709.07871).

The network is that of the comparison (MONAI's BasicUNet), cut at its bottleneck: the way down is MGI's image encoder,
the way up its decoder. B batch, C channels, H W pixels, K gene tokens, T places of the bottleneck, D width.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mgi.models.baselines import build_unet
from mgi.models.fusion import TUMOUR_LOG_ODDS
from mgi.models.settings import ModelSettings

DOWN, UP = ("conv_0", "down_1", "down_2", "down_3", "down_4"), ("upcat_4", "upcat_3", "upcat_2", "upcat_1")
HALVINGS = len(UP)


class UNetEncoder(nn.Module):
    """(B, C, H, W) to the places of the bottleneck as tokens (B, T, D), each of 16 x 16 pixels."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        unet = build_unet(settings)
        self.levels = nn.ModuleList(unet.get_submodule(name) for name in DOWN)
        self.width = 8 * settings.baseline_width
        self.grid = settings.image_size >> HALVINGS
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor, hidden: Tensor | None = None, mask_token: Tensor | None = None) -> Tensor:
        """Encode a slice; pixels of `hidden` places (B, T) are 0, and `mask_token` (D,) is added to their tokens."""
        if hidden is None or mask_token is None:
            return self.with_maps(image)[0]
        cells = hidden.unflatten(1, (self.grid, self.grid)).unsqueeze(1).to(image.dtype)
        tokens, _ = self.with_maps(image * (1 - interpolate(cells, size=image.shape[-2:])))
        return tokens + hidden.unsqueeze(-1) * mask_token.to(tokens.dtype)

    def with_maps(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The tokens, and the map of each level, finest first; the last is the bottleneck's."""
        image = image.contiguous(memory_format=torch.channels_last)
        maps: list[Tensor] = []
        for level in self.levels:
            image = level(image)
            maps.append(image)
        return image.flatten(2).transpose(1, 2), maps


class FilmDecoder(nn.Module):
    """The way up from a bottleneck that the mean gene token scales and shifts, channel by channel.

    Scales start at 1 and shifts at 0: at first the network is the U-Net, whatever the genes. The null token has a scale
    and a shift of its own.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        unet = build_unet(settings)
        self.levels = nn.ModuleList(unet.get_submodule(name) for name in UP)
        self.head = unet.get_submodule("final_conv")
        self.gene_tokens = settings.fusion_tokens
        self.film = nn.Linear(settings.gene_width, 2 * 8 * settings.baseline_width)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)
        self.offset = nn.Parameter(torch.tensor(TUMOUR_LOG_ODDS))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor, genes: Tensor, maps: list[Tensor]) -> Tensor:
        """Logits (B, 1, H, W) from gene tokens (B, K, D) and the encoder's maps; the image tokens are the last map."""
        scale, shift = self.film(genes.mean(1))[:, :, None, None].chunk(2, 1)  # B C 1 1 each
        *joined, pixels = maps
        pixels = pixels * (1 + scale) + shift
        for level in self.levels:
            pixels = level(pixels, joined.pop())
        logits: Tensor = self.head(pixels)
        return logits + self.offset
