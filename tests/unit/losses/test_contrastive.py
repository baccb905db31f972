import math

import pytest
import torch

from mgi.losses.contrastive import LOSSES, clip_loss, floor_of, joint_loss

SIMILARITY = torch.tensor([[2.0, 0.0], [1.0, 3.0]], dtype=torch.float64)


def test_the_joint_loss_of_two_pairs_by_hand() -> None:
    everything = math.exp(2) + math.exp(0) + math.exp(1) + math.exp(3)
    expected = -(math.log(math.exp(2) / everything) + math.log(math.exp(3) / everything)) / 2
    assert joint_loss(SIMILARITY).item() == pytest.approx(expected, abs=1e-12)


def test_the_clip_loss_of_two_pairs_by_hand() -> None:
    rows = [math.log(1 + math.exp(0 - 2)), math.log(1 + math.exp(1 - 3))]
    columns = [math.log(1 + math.exp(1 - 2)), math.log(1 + math.exp(0 - 3))]
    assert clip_loss(SIMILARITY).item() == pytest.approx((sum(rows) / 2 + sum(columns) / 2) / 2, abs=1e-12)


@pytest.mark.parametrize("batch", [2, 5])
@pytest.mark.parametrize(("kind", "collapse"), [("joint", 2.0), ("clip", 1.0)])
def test_at_collapse_the_joint_loss_is_twice_and_the_clip_loss_once_the_logarithm_of_the_batch(
    kind, collapse, batch
) -> None:
    flat = torch.full((batch, batch), 7.0, dtype=torch.float64)
    assert LOSSES[kind](flat).item() == pytest.approx(collapse * math.log(batch))


@pytest.mark.parametrize("kind", ["joint", "clip"])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_perfect_pairs_reach_the_floor_and_nothing_falls_below_it(kind, batch) -> None:
    floor = floor_of(kind, batch)
    assert floor == (math.log(batch) if kind == "joint" else 0.0)
    assert LOSSES[kind](1000 * torch.eye(batch, dtype=torch.float64)).item() == pytest.approx(floor)
    for seed in range(20):
        drawn = 5 * torch.randn(batch, batch, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        assert LOSSES[kind](drawn).item() >= floor - 1e-9


@pytest.mark.parametrize("kind", ["joint", "clip"])
def test_at_collapse_the_gradient_brings_pairs_together_and_others_apart(kind) -> None:
    similarity = torch.zeros(3, 3, requires_grad=True)
    LOSSES[kind](similarity).backward()
    pairs = torch.eye(3, dtype=torch.bool)
    assert (similarity.grad[pairs] < 0).all()
    assert (similarity.grad[~pairs] > 0).all()


@pytest.mark.parametrize("kind", ["joint", "clip"])
def test_the_order_of_pairs_and_a_common_shift_change_nothing(kind) -> None:
    loss = LOSSES[kind](SIMILARITY).item()
    assert LOSSES[kind](SIMILARITY.flip(0).flip(1)).item() == pytest.approx(loss)
    assert LOSSES[kind](SIMILARITY + 40).item() == pytest.approx(loss)


def test_only_the_clip_loss_weighs_each_image_alone() -> None:
    shifted = SIMILARITY + torch.tensor([[0.0], [9.0]])
    rows = torch.log_softmax(SIMILARITY, 1).diagonal()
    assert torch.allclose(torch.log_softmax(shifted, 1).diagonal(), rows)
    assert joint_loss(shifted).item() != pytest.approx(joint_loss(SIMILARITY).item(), abs=0.1)
