import math

import pytest
import torch

from mgi.training.monitors import (
    alignment,
    collapse_warnings,
    smooth_rank,
    space_figures,
    spread,
    uniformity,
)

AXES = torch.eye(4)
ONE_POINT = AXES[:1].repeat(6, 1)


def sphere(count: int, width: int) -> torch.Tensor:
    drawn = torch.randn(count, width, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.normalize(drawn, dim=1)


def test_the_smooth_rank_counts_directions_by_hand() -> None:
    assert smooth_rank(AXES) == pytest.approx(4)
    assert smooth_rank(ONE_POINT) == pytest.approx(1)
    # Singular values 2 and 1: shares of two thirds and one third.
    expected = math.exp(-(2 / 3) * math.log(2 / 3) - (1 / 3) * math.log(1 / 3))
    assert smooth_rank(torch.diag(torch.tensor([2.0, 1.0]))) == pytest.approx(expected)


def test_the_rank_of_independent_directions_is_near_its_bound_and_no_rotation_changes_it() -> None:
    vectors = sphere(200, 16)
    rank = smooth_rank(vectors)
    assert 15 < rank <= 16
    turned = vectors @ torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(1)))[0]
    assert smooth_rank(turned) == pytest.approx(rank, rel=1e-5)


def test_alignment_is_the_mean_squared_distance_of_pairs() -> None:
    assert alignment(AXES, AXES) == 0
    assert alignment(AXES, -AXES) == pytest.approx(4)
    assert alignment(AXES, AXES.roll(1, 0)) == pytest.approx(2)


def test_uniformity_of_four_axes_by_hand_and_of_one_point() -> None:
    assert uniformity(AXES) == pytest.approx(-4)  # all pairs at squared distance 2
    assert uniformity(torch.tensor([[1.0, 0], [-1, 0], [1, 0]])) == pytest.approx(math.log((1 + 2 * math.exp(-8)) / 3))
    assert uniformity(ONE_POINT) == 0
    assert uniformity(AXES[:1]) == 0


def test_spread_is_nothing_at_collapse_and_about_one_on_the_sphere() -> None:
    assert spread(ONE_POINT) == 0
    assert spread(sphere(500, 32)) == pytest.approx(1, abs=0.05)


def test_only_a_collapsed_space_is_warned_of_and_named() -> None:
    apart = sphere(6, 4)
    assert collapse_warnings(space_figures(apart, apart), 6) == []
    (line,) = collapse_warnings(space_figures(apart, ONE_POINT), 6)
    assert line.startswith("collapsed: the gene vectors of 6 validation patients have smooth rank 1.00")
    assert "\n" not in line
    assert len(collapse_warnings(space_figures(ONE_POINT, ONE_POINT), 6)) == 2


def test_too_few_patients_are_not_called_collapsed() -> None:
    assert collapse_warnings(space_figures(ONE_POINT[:3], ONE_POINT[:3]), 3) == []
