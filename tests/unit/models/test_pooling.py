import math

import torch

from mgi.models.pooling import MixedPooling

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
