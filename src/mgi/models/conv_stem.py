"""Convolutions from the pixels down to the patch grid, and back up beside them: what a plain ViT lacks on few patients.

A transformer learns locality from data; seventy patients do not hold enough of it. Weights lie channels-last, and so do
the maps: a sixth less time for a training step of MGI on a CPU. B batch, C channels, H W pixels.

The norm of convolutions is over the batch, or instance norm as group norm with a group for each channel: the same
numbers and weights. torch computes InstanceNorm2d as batch norm of one long row of channels, for which it copies maps
that lie channels-last and repeats the weights; group norm reads either layout. A training step of the U-Net takes a
sixth less time.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

Norm = Literal["instance", "batch"]


def instance_norm(channels: int, *, affine: bool = True, eps: float = 1e-5) -> nn.GroupNorm:
    """Each channel of each slice to mean 0 and deviation 1; parameters are named as InstanceNorm2d names its own."""
    return nn.GroupNorm(channels, channels, eps=eps, affine=affine)


def by_groups(network: nn.Module) -> nn.Module:
    """Put `instance_norm` for every InstanceNorm2d of a fresh network that keeps no running figures, in place."""
    for name, child in network.named_children():
        if isinstance(child, nn.InstanceNorm2d) and not child.track_running_stats:
            setattr(network, name, instance_norm(child.num_features, affine=child.affine, eps=child.eps))
        else:
            by_groups(child)
    return network


MOST_WIDENING = 8  # of the stem's width


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions, each with norm and leaky ReLU, as in the U-Net that MGI is compared with."""

    def __init__(self, wide: int, narrow: int, norm: Norm) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for entering in (wide, narrow):
            layers += [
                nn.Conv2d(entering, narrow, 3, padding=1, bias=False),
                instance_norm(narrow) if norm == "instance" else nn.BatchNorm2d(narrow),
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
