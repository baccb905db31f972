import math

import pytest
import torch

from mgi.losses.segmentation import segmentation_loss, soft_dice_loss

UNDECIDED = torch.zeros(1, 1, 2, 2)  # p = 1/2 everywhere
HALF = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])


def test_the_soft_dice_of_an_undecided_slice_by_hand() -> None:
    # sum pt = 1, sum p = 2, sum t = 2: 1 - (2 + 1) / (4 + 1)
    assert soft_dice_loss(UNDECIDED, HALF).item() == pytest.approx(0.4)


def test_the_loss_is_half_cross_entropy_and_half_dice() -> None:
    assert segmentation_loss(UNDECIDED, HALF).item() == pytest.approx(0.5 * math.log(2) + 0.5 * 0.4)


def test_a_certain_and_right_mask_costs_nothing_and_a_wrong_one_nearly_everything() -> None:
    right = 100 * (2 * HALF - 1)
    assert segmentation_loss(right, HALF).item() == pytest.approx(0, abs=1e-6)
    assert soft_dice_loss(-right, HALF).item() == pytest.approx(1 - 1 / 5)


def test_an_empty_slice_predicted_empty_costs_nothing_and_has_a_finite_gradient() -> None:
    empty = torch.zeros(1, 1, 2, 2)
    assert soft_dice_loss(empty - 100, empty).item() == pytest.approx(0)
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    segmentation_loss(logits, empty).backward()
    assert (logits.grad > 0).all()


def test_dice_is_pooled_over_the_batch() -> None:
    logits, masks = torch.cat([UNDECIDED, UNDECIDED]), torch.cat([HALF, torch.zeros_like(HALF)])
    # sum pt = 1, sum p = 4, sum t = 2
    assert soft_dice_loss(logits, masks).item() == pytest.approx(1 - 3 / 7)
