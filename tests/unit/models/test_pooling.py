import math

import pytest
import torch

from mgi.models.pooling import ClassPooling, MeanPooling, MixedPooling, SegmentPooling

TOKENS = torch.tensor([[[1.0, 4.0], [3.0, -2.0]]])  # maxima 3, 4; means 2, 1


def test_at_the_start_pooling_is_halfway_between_maximum_and_mean() -> None:
    assert MixedPooling()(TOKENS).tolist() == [[2.5, 2.5]]


def test_the_blend_is_the_share_of_the_maximum() -> None:
    pooling = MixedPooling()
    with torch.no_grad():
        pooling.blend.fill_(math.log(3))  # sigmoid: 3/4
    torch.testing.assert_close(pooling(TOKENS), torch.tensor([[2.75, 3.25]]))


def test_pooling_ignores_the_order_of_tokens_and_keeps_a_single_one() -> None:
    pooling = MixedPooling()
    assert torch.equal(pooling(TOKENS), pooling(TOKENS.flip(1)))
    assert torch.equal(pooling(TOKENS[:, :1]), TOKENS[:, 0])


def test_mean_pooling_is_the_mean() -> None:
    assert MeanPooling()(TOKENS).tolist() == [[2.0, 1.0]]


def test_class_pooling_takes_the_first_token() -> None:
    assert ClassPooling()(TOKENS).tolist() == [[1.0, 4.0]]


@pytest.mark.parametrize(
    ("n_tokens", "at_most", "runs"), [(60660, 1024, 1011), (60660, 64, 64), (7, 3, 3), (7, 6, 4), (8, 1, 1)]
)
def test_more_tokens_than_allowed_are_pooled_to_no_more(n_tokens: int, at_most: int, runs: int) -> None:
    pooling = SegmentPooling(n_tokens, at_most)
    tokens = torch.zeros(2, n_tokens, 3)
    assert pooling.n_segments == runs <= at_most
    assert pooling(pooling.pool_segments(tokens)).shape == (2, runs, 3)


def test_each_run_is_pooled_as_mixed_pooling_would_the_shorter_last_one_too() -> None:
    tokens = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    pooling, mixed = SegmentPooling(7, 3), MixedPooling()
    with torch.no_grad():
        pooling.blend.fill_(0.7)
        mixed.blend.fill_(0.7)
    expected = torch.stack([mixed(tokens[:, start : start + 3]) for start in (0, 3, 6)], 1)
    torch.testing.assert_close(pooling(pooling.pool_segments(tokens)), expected)


@pytest.mark.parametrize("at_most", [5, 6, 1024])
def test_few_tokens_stay_as_they_are_and_nothing_is_learned(at_most: int) -> None:
    tokens = torch.randn(2, 5, 3)
    pooling = SegmentPooling(5, at_most)
    assert torch.equal(pooling(pooling.pool_segments(tokens)), tokens)
    assert list(pooling.parameters()) == []


def test_every_token_and_the_blend_learn() -> None:
    tokens = torch.randn(2, 7, 3, requires_grad=True)
    pooling = SegmentPooling(7, 3)
    pooling(pooling.pool_segments(tokens)).square().sum().backward()
    assert tokens.grad is not None
    assert (tokens.grad.abs() > 0).all()
    assert pooling.blend.grad is not None
    assert pooling.blend.grad.abs() > 0
