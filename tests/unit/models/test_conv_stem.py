import copy

import pytest
import torch
from torch import nn

from mgi.models.baselines import BASELINES
from mgi.models.conv_stem import ConvStem, UpsamplingPath, by_groups, instance_norm, stem_channels
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation import learning

SETTINGS = ModelSettings(
    image_size=32,
    patch_size=8,
    image_stem="conv",
    stem_width=4,
    image_width=16,
    image_depth=1,
    image_heads=2,
    gene_encoder="mlp",
    gene_patch=5,
    gene_width=8,
    gene_depth=1,
    decoder_width=16,
    decoder_heads=2,
    decoder_depth=1,
    upsampling_stages=3,
)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_channels_double_from_the_pixels_to_the_patches_and_stop_at_eight_widths() -> None:
    assert stem_channels(4, 8) == (4, 8, 16, 32)
    assert stem_channels(4, 32) == (4, 8, 16, 32, 32, 32)


def test_a_map_a_level_from_the_pixels_to_the_patch_grid() -> None:
    maps = ConvStem(4, 8)(drawn(2, 1, 32, 32))
    assert [tuple(one.shape) for one in maps] == [(2, 4, 32, 32), (2, 8, 16, 16), (2, 16, 8, 8), (2, 32, 4, 4)]


def test_the_ascent_ends_where_its_stages_do() -> None:
    maps = ConvStem(4, 8)(drawn(2, 1, 32, 32))
    for stages, shape in ((0, (2, 32, 4, 4)), (1, (2, 16, 8, 8)), (3, (2, 4, 32, 32))):
        assert UpsamplingPath(16, (4, 8, 16, 32), stages)(drawn(2, 16, 4, 4), maps).shape == shape


def test_the_hybrid_segments_on_the_pixels_grid_and_all_of_it_learns() -> None:
    torch.manual_seed(0)
    model = build_mgi(SETTINGS, 10)
    known = torch.tensor([True, False])  # one with genes and one without: the null token learns as well
    logits = model(drawn(3, 1, 32, 32), drawn(2, 10), torch.tensor([0, 1, 1]), known)
    assert logits.shape == (3, 1, 32, 32)
    logits.square().sum().backward()
    idle = [name for name, one in model.named_parameters() if one.grad is None]
    assert idle == []


def test_a_pixel_reaches_the_mask_beside_the_transformer() -> None:
    """The plain encoder sees a patch as a whole; through the pyramid a pixel moves its own neighbourhood most."""
    torch.manual_seed(0)
    model = build_mgi(SETTINGS, 10).eval()
    image = drawn(1, 1, 32, 32)
    touched = image.clone()
    touched[0, 0, 13, 21] += 3.0
    with torch.no_grad():
        genes, patient, known = drawn(1, 10), torch.tensor([0]), torch.tensor([True])
        change = (model(touched, genes, patient, known) - model(image, genes, patient, known)).abs()[0, 0]
    near = change[11:16, 19:24].mean()
    assert near > 3 * change.mean()


def test_plain_patches_have_no_pyramid() -> None:
    plain = build_mgi(SETTINGS.but(image_stem="patch_embed"), 10)
    assert plain.image_encoder.pyramid is None
    assert plain.image_encoder.with_maps(drawn(1, 1, 32, 32))[1] == []


def test_what_a_hidden_patch_holds_does_not_reach_its_neighbours() -> None:
    torch.manual_seed(0)
    encoder = build_mgi(SETTINGS, 10).image_encoder.eval()
    hidden = torch.zeros(1, 16, dtype=torch.bool)
    hidden[0, 5] = True  # second row, second column of 4 x 4
    image = drawn(1, 1, 32, 32)
    other = image.clone()
    other[0, 0, 8:16, 8:16] = 9.0
    with torch.no_grad():
        assert torch.equal(encoder(image, hidden, drawn(16)), encoder(other, hidden, drawn(16)))
        assert not torch.allclose(encoder(image), encoder(other))


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
