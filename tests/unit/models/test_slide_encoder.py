"""Slides are bags: padding and the order of tiles change nothing, places do, and shares add up to one."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from mgi.core.errors import ConfigError
from mgi.models.settings import ModelSettings
from mgi.models.slide_encoder import SlideEncoder, SlideTokens, build_slide_encoder, position_code

E, W, B, N = 5, 16, 3, 7
KINDS = ("transformer", "gated_attention", "mean")
COUNTS = (7, 4, 1)


def encoder(kind: str, depth: int = 2) -> SlideEncoder:
    torch.manual_seed(0)
    sizes = {"slide_encoder": kind, "slide_width": W, "slide_depth": depth, "slide_heads": 2}
    return build_slide_encoder(ModelSettings.read(sizes), E)


def bags() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    tiles = torch.randn(B, N, E, generator=generator)
    places = torch.randint(0, 9, (B, N, 2), generator=generator).float()
    real = torch.arange(N) < torch.tensor(COUNTS).unsqueeze(1)
    return tiles, places, real


def same(one: SlideTokens, other: SlideTokens, tiles: slice = slice(None)) -> bool:
    pairs = zip((one.slide, one.tiles[:, tiles], one.attention[:, tiles]), other, strict=True)
    return all(torch.allclose(mine, theirs, rtol=0, atol=1e-6) for mine, theirs in pairs)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind: str) -> None:
    network, (tiles, places, real) = encoder(kind), bags()
    for row, count in enumerate(COUNTS):
        alone = [part[row : row + 1, :count] for part in (tiles, places, real)]
        padded = network(tiles.masked_fill(~real.unsqueeze(-1), 1e4), places * real.unsqueeze(-1), real)
        assert same(SlideTokens(*(part[row : row + 1] for part in padded)), network(*alone), slice(count))


@pytest.mark.parametrize("kind", KINDS)
def test_permuting_tiles_with_their_places_changes_nothing(kind: str) -> None:
    network, parts = encoder(kind), [part[:1] for part in bags()]
    order = torch.from_numpy(np.random.default_rng(0).permutation(N))
    moved, kept = network(*(part[:, order] for part in parts)), network(*parts)
    assert same(moved, SlideTokens(kept.slide, kept.tiles[:, order], kept.attention[:, order]))


@pytest.mark.parametrize("kind", KINDS)
def test_shares_add_up_to_one_over_real_tiles_alone(kind: str) -> None:
    tiles, places, real = bags()
    shares = encoder(kind)(tiles, places, real).attention
    assert (shares[~real] == 0).all()
    assert (shares[real] > 0).all()
    assert torch.allclose(shares.sum(1), torch.ones(B))


def test_the_transformer_alone_knows_places() -> None:
    tiles, places, real = bags()
    moved = places.clone()
    moved[0, 0, 0] += 3
    for kind in KINDS:
        network = encoder(kind)
        before, after = network(tiles, places, real).slide, network(tiles, moved, real).slide
        assert torch.allclose(before[0], after[0], atol=1e-6) == (kind != "transformer")
        assert torch.allclose(before[1:], after[1:], atol=1e-6)


def test_shares_are_what_the_last_block_mixes_by() -> None:
    """Where each token's value is a number of its own, what the class token gets is its attention."""
    block = encoder("transformer", depth=1).gathering.blocks[0]
    x, keys = torch.randn(1, W // 2, W), torch.ones(1, W // 2, dtype=torch.bool)
    keys[0, 3] = False
    queries, each_key, _ = block._parts(x)
    values = torch.eye(W // 2).expand(1, 2, -1, -1)
    mixed = scaled_dot_product_attention(queries, each_key, values, attn_mask=keys[:, None, None])[0, :, 0].mean(0)
    found = block.class_attention(x, keys)[0]
    assert found[2] == 0
    assert torch.allclose(found, mixed[1:] / mixed[1:].sum(), atol=1e-6)


def test_the_mean_is_a_mean_and_one_tile_stands_for_itself() -> None:
    tiles, places, real = bags()
    found = encoder("mean")(tiles, places, real)
    assert torch.allclose(found.slide[1], found.tiles[1, :4].mean(0), atol=1e-6)
    assert torch.allclose(found.slide[2], found.tiles[2, 0], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_hidden_tile_is_not_seen(kind: str) -> None:
    network, (tiles, places, real) = encoder(kind), bags()
    hidden, token = torch.zeros(B, N, dtype=torch.bool), torch.full((W,), 0.3)
    hidden[0, 2:4] = True
    other = tiles.clone()
    other[0, 2:4] += 10
    assert same(network(tiles, places, real, hidden, token), network(other, places, real, hidden, token))
    assert not torch.allclose(network(tiles, places, real).slide[0], network(other, places, real).slide[0])


def test_numbers_are_standardised_by_what_is_kept_with_the_weights() -> None:
    network, other, (tiles, places, real) = encoder("mean"), encoder("mean"), bags()
    mean, sd = torch.arange(E).float(), torch.tensor([0.0, 1, 2, 3, 4])
    network.standardise_by(mean, sd)
    raw = tiles * torch.tensor([1.0, 1, 2, 3, 4]) + mean
    assert torch.allclose(network.standardised(raw), tiles, atol=1e-6)
    assert torch.allclose(network(raw, places, real).slide, other(tiles, places, real).slide, atol=1e-5)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(raw, places, real).slide, network(raw, places, real).slide)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_has_a_gradient(kind: str) -> None:
    network, (tiles, places, real) = encoder(kind), bags()
    found = network(tiles, places, real)
    (found.slide.square().sum() + found.tiles[real].square().sum()).backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in network.parameters())


def test_places_one_tile_apart_differ_and_axes_are_told_apart() -> None:
    places = torch.tensor([[[0.0, 0], [1, 0], [0, 1], [40, 7]]])
    code = position_code(places, W)
    assert code.shape == (1, 4, W)
    distances = torch.cdist(code, code)[0]
    assert (distances[~torch.eye(4, dtype=torch.bool)] > 0.5).all()


def test_tiles_of_another_width_are_refused() -> None:
    tiles, places, real = bags()
    with pytest.raises(ValueError, match="4 numbers a tile given, 5 expected"):
        encoder("mean")(tiles[..., :4], places, real)


def test_a_width_that_heads_cannot_share_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"slide_width: found 24, expected a multiple of 16, for 16 heads"):
        ModelSettings.read({"slide_width": 24, "slide_heads": 16})


def test_what_reads_no_slides_says_nothing_of_them() -> None:
    settings = ModelSettings.read({"slide_encoder": "mean", "size": "tiny"})
    assert not [key for key in settings.reading(("flair",)).plain() if "slide" in key or "tile" in key]
    read = settings.reading(("flair",), tile_width=37).plain()
    assert (read["slide_encoder"], read["tile_width"], read["slide_width"]) == ("mean", 37, 16)
