"""Dilated depthwise convolutions of small maps, as DeepLabv3+ has them, without what lies beyond the map.

oneDNN has no fast kernel for them: on one core five of them took 60 % of a training step of the demo's DeepLabv3+,
whose last maps have 3 x 3 pixels. B batch, C channels, H W pixels, d dilation.
"""

from torch import Tensor, nn
from torch.nn.functional import pad

FEW_PIXELS = 8  # of a map's side, up to which sums of shifted maps are quicker


class DilatedDepthwise(nn.Conv2d):
    """A depthwise 3 x 3 convolution with a dilation that keeps the map's size: the same numbers but for rounding.

    Weights have the names and shapes of the layer that it stands for. Of nine taps those that lie beyond a small map
    everywhere see zeros alone: with d of at least H and W only the middle one is left.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        height, width = x.shape[2:]
        if x.device.type != "cpu" or max(height, width) > FEW_PIXELS:
            return super().forward(x)
        d = self.dilation[0]
        total = x * self.weight[:, 0, 1, 1].view(1, -1, 1, 1)
        for row in (-1, 0, 1):
            for column in (-1, 0, 1):
                if (row, column) == (0, 0) or abs(row) * d >= height or abs(column) * d >= width:
                    continue
                tap = self.weight[:, 0, row + 1, column + 1].view(1, -1, 1, 1)
                total = total + _shifted(x, row * d, column * d) * tap
        return total if self.bias is None else total + self.bias.view(1, -1, 1, 1)


def _shifted(x: Tensor, rows: int, columns: int) -> Tensor:
    """Each pixel's neighbour so far below and to the right; zeros beyond the map."""
    height, width = x.shape[2:]
    seen = x[:, :, max(0, rows) : height + min(0, rows), max(0, columns) : width + min(0, columns)]
    return pad(seen, (max(0, -columns), max(0, columns), max(0, -rows), max(0, rows)))


def with_quick_dilation(network: nn.Module) -> nn.Module:
    """Let each dilated depthwise 3 x 3 convolution of a fresh network be a `DilatedDepthwise`, in place."""
    for layer in network.modules():
        if type(layer) is nn.Conv2d and is_dilated_depthwise(layer):
            layer.__class__ = DilatedDepthwise  # its weights stay as they were drawn
    return network


def is_dilated_depthwise(layer: nn.Conv2d) -> bool:
    """Whether `DilatedDepthwise` can stand for the layer."""
    dilation = layer.dilation[0]
    return (
        dilation > 1
        and layer.groups == layer.in_channels == layer.out_channels
        and (layer.kernel_size, layer.stride, layer.padding_mode) == ((3, 3), (1, 1), "zeros")
        and layer.dilation == layer.padding == (dilation, dilation)
    )
