import copy

import pytest
import torch
from torch import nn

from mgi.models.baselines import BASELINES
from mgi.models.dilated import FEW_PIXELS, DilatedDepthwise, with_quick_dilation
from mgi.models.settings import ModelSettings


def layer(dilation: int, *, bias: bool) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(4, 4, 3, padding=dilation, dilation=dilation, groups=4, bias=bias, dtype=torch.float64)


@pytest.mark.parametrize("dilation", [2, 3, 12])
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (4, 4), (2, 5), (FEW_PIXELS, 3), (FEW_PIXELS + 1, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_small_map_is_convolved_as_by_torch_and_so_are_its_gradients(dilation, size, bias) -> None:
    one, other = layer(dilation, bias=bias), with_quick_dilation(layer(dilation, bias=bias))
    assert type(other) is DilatedDepthwise
    images = [torch.randn(2, 4, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64) for _ in "ab"]
    made = [net(image.requires_grad_()) for net, image in zip((one, other), images, strict=True)]
    torch.testing.assert_close(made[1], made[0])
    for each in made:
        (each * torch.arange(each.numel()).view_as(each)).sum().backward()
    torch.testing.assert_close(images[1].grad, images[0].grad)
    for plain, quick in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(quick.grad, plain.grad)


@pytest.mark.parametrize(
    "kept",
    [
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=4),
        nn.Conv2d(4, 4, 3, padding=1, dilation=2, groups=4),
        nn.Conv2d(4, 4, 5, padding=2, dilation=2, groups=4),
        nn.Conv2d(4, 4, 3, stride=2, padding=2, dilation=2, groups=4),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4, padding_mode="reflect"),
    ],
)
def test_any_other_convolution_stays_what_it_is(kept: nn.Conv2d) -> None:
    with_quick_dilation(nn.Sequential(kept))
    assert type(kept) is nn.Conv2d


def test_deeplabv3plus_has_five_such_layers_and_the_names_and_numbers_that_it_had() -> None:
    torch.manual_seed(0)
    network = BASELINES["deeplabv3plus"](ModelSettings(image_size=48, baseline_width=4)).double().eval()
    plain = copy.deepcopy(network)
    quick = [one for one in plain.modules() if type(one) is DilatedDepthwise]
    assert len(quick) == 5
    for one in quick:
        one.__class__ = nn.Conv2d
    assert list(plain.state_dict()) == list(network.state_dict())
    images = torch.randn(2, 1, 48, 48, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(network(images), plain(images))
