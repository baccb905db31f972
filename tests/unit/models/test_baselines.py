from contextlib import nullcontext

import pytest
import torch

from mgi.models.baselines import BASELINES
from mgi.models.settings import HALVING, HALVINGS, ModelSettings

SETTINGS = ModelSettings(image_size=32, baseline_width=4)
IMAGES = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def built(name: str, width: int = 4) -> torch.nn.Module:
    torch.manual_seed(0)
    return BASELINES[name](ModelSettings(image_size=32, baseline_width=width))


def test_the_networks_of_the_comparison_are_all_there() -> None:
    assert sorted(BASELINES) == ["attention_unet", "deeplabv3plus", "resunet", "unet"]


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_a_network_gives_one_logit_per_pixel_and_a_slice_is_segmented_alike_alone(name: str) -> None:
    network = built(name)
    network(IMAGES).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    network.eval()
    with torch.no_grad():
        together = network(IMAGES)
        assert together.shape == (2, 1, 32, 32)
        torch.testing.assert_close(together[1:], network(IMAGES[1:]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_a_network_takes_the_neighbours_of_a_slice(name: str) -> None:
    settings = ModelSettings(image_size=32, baseline_width=4, context_slices=2)
    assert BASELINES[name](settings)(torch.randn(2, 5, 32, 32)).shape == (2, 1, 32, 32)


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_a_network_takes_the_channels_of_an_image_each_with_its_neighbours(name: str) -> None:
    settings = SETTINGS.but(context_slices=1).reading(("pre", "flair", "post"))
    assert BASELINES[name](settings)(torch.randn(2, 9, 32, 32)).shape == (2, 1, 32, 32)


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_the_same_seed_gives_the_same_network(name: str) -> None:
    one, two = built(name).state_dict(), built(name).state_dict()
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_a_side_that_cannot_be_halved_so_often_fails_in_the_networks_that_are_named_for_it_alone(name: str) -> None:
    side = 2 * 2**HALVINGS + 2 ** (HALVINGS - 1)
    network = BASELINES[name](SETTINGS).eval()
    with nullcontext() if name not in HALVING else pytest.raises(RuntimeError, match=r"[Ss]ize|shape"):
        assert network(torch.zeros(1, 1, side, side)).shape == (1, 1, side, side)


@pytest.mark.parametrize("name", ["attention_unet", "resunet", "unet"])
def test_a_wider_network_has_more_parameters(name: str) -> None:
    counts = [sum(parameter.numel() for parameter in built(name, width).parameters()) for width in (4, 8)]
    assert 0 < counts[0] < counts[1]
