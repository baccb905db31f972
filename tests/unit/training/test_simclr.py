import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from mgi.training.simclr import chance_nt_xent, nt_xent


def unit(rows: int, width: int, seed: int) -> Tensor:
    drawn = torch.randn(rows, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return normalize(drawn, dim=-1)


def slow(one: Tensor, two: Tensor, temperature: float) -> float:
    """Algorithm 1 of the paper with its indices: views 2k - 1 and 2k are of one slice."""
    views = [view.tolist() for pair in zip(one, two, strict=True) for view in pair]

    def s(i: int, j: int) -> float:
        return sum(a * b for a, b in zip(views[i], views[j], strict=True))

    def pair_loss(i: int, j: int) -> float:
        others = sum(math.exp(s(i, k) / temperature) for k in range(len(views)) if k != i)
        return -math.log(math.exp(s(i, j) / temperature) / others)

    pairs = [(2 * k, 2 * k + 1) for k in range(len(one))]
    return sum(pair_loss(i, j) + pair_loss(j, i) for i, j in pairs) / len(views)


@pytest.mark.parametrize(("slices", "temperature"), [(2, 0.5), (5, 0.1), (7, 1.0)])
def test_it_is_the_papers_formula(slices: int, temperature: float) -> None:
    one, two = unit(slices, 4, 0), unit(slices, 4, 1)
    assert nt_xent(one, two, temperature).item() == pytest.approx(slow(one, two, temperature), abs=1e-12)


def test_views_that_tell_slices_apart_reach_the_minimum_and_views_all_alike_chance() -> None:
    apart, alike = torch.eye(4, dtype=torch.float64), torch.ones(4, 4, dtype=torch.float64) / 2
    assert nt_xent(apart, apart, 0.01).item() == pytest.approx(0, abs=1e-12)
    assert nt_xent(alike, alike, 0.1).item() == pytest.approx(math.log(7)) == pytest.approx(chance_nt_xent(4))


def test_one_slice_has_nothing_to_be_told_from() -> None:
    assert nt_xent(unit(1, 4, 0), unit(1, 4, 1), 0.1).item() == 0 == chance_nt_xent(1)


def test_both_views_are_alike_to_it_and_the_order_of_slices_is_none() -> None:
    one, two, order = unit(5, 4, 0), unit(5, 4, 1), torch.tensor([3, 0, 4, 1, 2])
    expected = nt_xent(one, two, 0.2).item()
    assert nt_xent(two, one, 0.2).item() == pytest.approx(expected)
    assert nt_xent(one[order], two[order], 0.2).item() == pytest.approx(expected)
    assert nt_xent(one[order], two, 0.2).item() != pytest.approx(expected, abs=1e-3)


def test_its_gradient_is_finite_and_brings_the_views_of_a_slice_together() -> None:
    one, two = unit(3, 4, 0).requires_grad_(), unit(3, 4, 1)
    loss = nt_xent(one, two, 0.5)
    loss.backward()
    assert torch.isfinite(one.grad).all()
    assert nt_xent(normalize(one.detach() - 0.1 * one.grad, dim=-1), two, 0.5) < loss
