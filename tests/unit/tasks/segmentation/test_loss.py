import math

import pytest
import torch

from mgi.tasks.segmentation.learning import segmentation_loss, soft_dice_loss

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


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_pixel_half_in_the_tumour_costs_least_where_the_network_says_so(share: float) -> None:
    mask = torch.tensor([1.0, share, 0.0]).view(1, 1, 1, 3)
    certain = torch.tensor([30.0, 0.0, -30.0])
    for loss in (soft_dice_loss, segmentation_loss):
        costs = {}
        for said in torch.arange(0.05, 1.0, 0.05):
            certain[1] = torch.logit(said)
            costs[round(float(said), 2)] = loss(certain.view(1, 1, 1, 3), mask).item()
        assert min(costs, key=costs.get) == share


def test_of_masks_of_zero_and_one_dice_is_that_of_the_product() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 5, 5, generator=generator)
    mask = (torch.rand(2, 1, 5, 5, generator=generator) < 0.3).float()
    said = torch.sigmoid(logits)
    assert soft_dice_loss(logits, mask).item() == pytest.approx(
        1 - (2 * (said * mask).sum() + 1).item() / (said.sum() + mask.sum() + 1).item()
    )
