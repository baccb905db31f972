import math

import pytest
import torch
from torch import Tensor

from mgi.training.barlow_twins import barlow_twins_loss, chance_barlow_twins, cross_correlation


def drawn(rows: int, width: int, seed: int) -> Tensor:
    return 3 + 2 * torch.randn(rows, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def slow(one: Tensor, two: Tensor, weight: float) -> float:
    """Equations 1 and 2 of the paper, with the embeddings mean-centred along the batch, one number at a time."""
    a, b = (torch.stack([row - vectors.mean(0) for row in vectors]).tolist() for vectors in (one, two))
    slices, width, total = len(a), len(a[0]), 0.0
    for i in range(width):
        for j in range(width):
            product = sum(a[n][i] * b[n][j] for n in range(slices))
            lengths = [math.sqrt(sum(x[n][k] ** 2 for n in range(slices))) for x, k in ((a, i), (b, j))]
            correlation = product / (lengths[0] * lengths[1])
            total += (1 - correlation) ** 2 if i == j else weight * correlation**2
    return total


@pytest.mark.parametrize(("slices", "width", "weight"), [(2, 3, 0.005), (6, 4, 0.005), (9, 2, 1.0), (5, 3, 0.0)])
def test_it_is_the_papers_formula(slices: int, width: int, weight: float) -> None:
    one, two = drawn(slices, width, 0), drawn(slices, width, 1)
    assert barlow_twins_loss(one, two, weight).item() == pytest.approx(slow(one, two, weight), abs=1e-12)


def test_numbers_that_agree_and_do_not_repeat_each_other_reach_the_minimum() -> None:
    apart = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64)
    assert barlow_twins_loss(apart, 5 * apart + 2, 0.005).item() == pytest.approx(0, abs=1e-12)
    repeated = apart[:, :1].expand(4, 2)
    assert barlow_twins_loss(repeated, repeated, 0.005).item() == pytest.approx(2 * 0.005)


def test_constant_vectors_cost_one_a_number_and_no_nan() -> None:
    constant = torch.ones(4, 3, requires_grad=True)
    loss = barlow_twins_loss(constant, torch.ones(4, 3), 0.005)
    loss.backward()
    assert loss.item() == 3
    assert torch.isfinite(constant.grad).all()
    assert barlow_twins_loss(drawn(1, 3, 0), drawn(1, 3, 1), 0.005).item() == 3 == chance_barlow_twins(1, 3, 0.005)


def test_chance_is_the_mean_over_all_ways_to_give_each_slice_the_view_of_another() -> None:
    one, two = drawn(40, 3, 0), drawn(40, 3, 1)
    orders = [torch.randperm(40, generator=torch.Generator().manual_seed(seed)) for seed in range(4000)]
    mean = sum(barlow_twins_loss(one, two[order], 0.5).item() for order in orders) / len(orders)
    assert mean == pytest.approx(chance_barlow_twins(40, 3, 0.5), rel=0.01)


def test_the_correlation_is_that_of_first_with_second_views() -> None:
    one, two = drawn(8, 2, 0), drawn(8, 3, 1)
    expected = torch.corrcoef(torch.cat([one, two], 1).T)[:2, 2:]
    torch.testing.assert_close(cross_correlation(one, two), expected)
