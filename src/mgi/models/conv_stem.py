"""Convolutions from the pixels down to the patch grid, and back up beside them: what a plain ViT lacks on few patients.

A transformer learns locality from data; seventy patients do not hold enough of it. Weights lie channels-last, and so do
the maps: a sixth less time for a training step of MGI on a CPU. B batch, C channels, H W pixels.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from mgi.models.norms import Norm, norm_of

MOST_WIDENING = 8  # of the stem's width


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions, each with norm and leaky ReLU, as in the U-Net that MGI is compared with."""

    def __init__(self, wide: int, narrow: int, norm: Norm) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for entering in (wide, narrow):
            layers += [
                nn.Conv2d(entering, narrow, 3, padding=1, bias=False),
                norm_of(narrow, norm),
                nn.LeakyReLU(0.1, inplace=True),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, wide, H, W) to (B, narrow, H, W)."""
        return self.layers(x)  # type: ignore[no-any-return]


class ConvStem(nn.Module):
    """(B, `entering`, H, W) to one map a level, from the pixels' grid to that of the patches, halved each time."""

    def __init__(self, width: int, patch_size: int, entering: int = 1, norm: Norm = "instance") -> None:
        super().__init__()
        self.channels = stem_channels(width, patch_size)
        steps = pairwise((entering, *self.channels))
        self.blocks = nn.ModuleList(ConvBlock(wide, narrow, norm) for wide, narrow in steps)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> list[Tensor]:
        """The maps, finest first."""
        image = image.contiguous(memory_format=torch.channels_last)
        maps: list[Tensor] = []
        for level, block in enumerate(self.blocks):
            image = block(nn.functional.max_pool2d(image, 2) if level else image)
            maps.append(image)
        return maps


class UpsamplingPath(nn.Module):
    """From the patch grid back up: what the pyramid saw is joined there, and at each doubling.

    Joined at the patch grid too, the convolutions learn at once, and the transformer adds what it sees from afar.
    """

    def __init__(self, width: int, channels: tuple[int, ...], stages: int, norm: Norm = "instance") -> None:
        super().__init__()
        patch_grid, *joined = channels[::-1][: stages + 1]  # coarsest first
        self.width = joined[-1] if joined else patch_grid
        self.bottom = ConvBlock(width + patch_grid, patch_grid, norm)
        self.doublings = nn.ModuleList(
            nn.ConvTranspose2d(wide, narrow, 2, stride=2) for wide, narrow in pairwise((patch_grid, *joined))
        )
        self.blocks = nn.ModuleList(ConvBlock(2 * narrow, narrow, norm) for narrow in joined)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pixels: Tensor, maps: list[Tensor]) -> Tensor:
        """(B, width, h, w) and the pyramid's maps, finest first, to the finest map that the stages reach."""
        pixels = self.bottom(torch.cat([pixels, maps[-1]], dim=1))
        for doubling, block, seen in zip(self.doublings, self.blocks, maps[-2::-1], strict=False):
            pixels = block(torch.cat([doubling(pixels), seen], dim=1))
        return pixels


def stem_channels(width: int, patch_size: int) -> tuple[int, ...]:
    """Channels of each level from the pixels (`width`) to the patch grid: doubled, up to eight times the width."""
    levels = patch_size.bit_length() - 1
    return tuple(width * min(2**level, MOST_WIDENING) for level in range(levels + 1))
