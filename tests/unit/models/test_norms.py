import copy

import pytest
import torch
from torch import nn

from mgi.models.baselines import BASELINES
from mgi.models.norms import by_groups, instance_norm
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation import learning


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_instance_norm_in_value_and_gradient(affine: bool, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    plain, quick = nn.InstanceNorm2d(3, affine=affine), instance_norm(3, affine=affine)
    assert list(plain.state_dict()) == list(quick.state_dict())
    if affine:
        nn.init.normal_(plain.weight)
        nn.init.normal_(plain.bias)
        quick.load_state_dict(plain.state_dict())
    found = []
    for norm in (plain, quick):
        x = (torch.randn(4, 3, 5, 7, generator=torch.Generator().manual_seed(1)) * 9 + 4).to(memory_format=layout)
        x.requires_grad_()
        made = norm(x)
        (made**3).sum().backward()
        found.append([made, x.grad, *(parameter.grad for parameter in norm.parameters())])
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


def test_a_network_keeps_its_weights_names_and_results() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Sequential(nn.InstanceNorm2d(4, affine=True), nn.InstanceNorm2d(4)))
    quick = by_groups(copy.deepcopy(plain))
    assert not any(isinstance(part, nn.InstanceNorm2d) for part in quick.modules())
    assert list(plain.state_dict()) == list(quick.state_dict())
    x = torch.randn(2, 1, 9, 9)
    torch.testing.assert_close(plain(x), quick(x), rtol=1e-4, atol=1e-5)


def test_what_keeps_running_figures_stays() -> None:
    norm = nn.Sequential(nn.InstanceNorm2d(4, track_running_stats=True))
    assert isinstance(by_groups(norm)[0], nn.InstanceNorm2d)


@pytest.mark.parametrize("method", ["unet", "resunet"])
def test_the_networks_that_are_compared_use_it(method: str) -> None:
    network = BASELINES[method](ModelSettings(image_size=32, baseline_width=4))
    assert not any(isinstance(part, nn.InstanceNorm2d) for part in network.modules())
    assert any(isinstance(part, nn.GroupNorm) for part in network.modules())


@pytest.mark.parametrize("method", ["unet", "resunet", "mgi"])
def test_with_batch_norm_they_see_how_bright_a_slice_is(method: str) -> None:
    """Instance norm would forget a gain and an offset that are the slice's own."""
    settings = ModelSettings(
        image_size=32, patch_size=8, image_stem="conv", stem_width=4, convolution_norm="batch", image_width=16,
        image_depth=1, image_heads=2, gene_patch=5, gene_width=16, gene_depth=1, decoder_width=16, decoder_heads=2,
        decoder_depth=1, upsampling_stages=3, baseline_width=4,
    )  # fmt: skip
    network = learning.build(method, settings, n_genes=10)
    convolutional = network.image_encoder.pyramid if method == "mgi" else network
    assert any(isinstance(part, nn.BatchNorm2d) for part in convolutional.modules())
    assert not any(isinstance(part, (nn.InstanceNorm2d, nn.GroupNorm)) for part in network.modules())
