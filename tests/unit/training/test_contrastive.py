import math

import pytest
import torch
from torch import Tensor

from mgi.training.contrastive import (
    alignment,
    alpha_loss,
    chance_loss,
    clip_loss,
    collapse_warnings,
    joint_loss,
    make_contrast,
    min_loss,
    multi_positive_loss,
    smooth_rank,
    space_figures,
    spread,
    uniformity,
)

SIMILARITY = torch.tensor([[2.0, 0.0], [1.0, 3.0]], dtype=torch.float64)
PAIR = torch.tensor([0, 1])
ONE_EACH = ["joint", "clip", "alpha", "multi_positive"]
# Two slices of the first patient and one of the second.
SEVERAL = torch.tensor([[2.0, 0.0], [1.0, 1.0], [0.0, 3.0]], dtype=torch.float64)
OWNERS = torch.tensor([0, 0, 1])


def drawn(rows: int, columns: int, seed: int) -> Tensor:
    return 5 * torch.randn(rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def perfect(patient: Tensor) -> Tensor:
    """Each slice is infinitely nearer to its own genes than to any other."""
    return 1000 * torch.nn.functional.one_hot(patient).double()


def test_the_joint_loss_of_two_pairs_by_hand() -> None:
    everything = math.exp(2) + math.exp(0) + math.exp(1) + math.exp(3)
    expected = -(math.log(math.exp(2) / everything) + math.log(math.exp(3) / everything)) / 2
    assert joint_loss(SIMILARITY, PAIR).item() == pytest.approx(expected, abs=1e-12)


def test_the_clip_and_alpha_losses_of_two_pairs_by_hand() -> None:
    rows = [math.log(1 + math.exp(0 - 2)), math.log(1 + math.exp(1 - 3))]
    columns = [math.log(1 + math.exp(1 - 2)), math.log(1 + math.exp(0 - 3))]
    assert clip_loss(SIMILARITY, PAIR).item() == pytest.approx((sum(rows) / 2 + sum(columns) / 2) / 2, abs=1e-12)
    expected = 0.75 * sum(rows) / 2 + 0.25 * sum(columns) / 2
    assert alpha_loss(SIMILARITY, PAIR, alpha=0.75).item() == pytest.approx(expected, abs=1e-12)
    assert make_contrast("alpha", 0.75)(SIMILARITY, PAIR).item() == pytest.approx(expected, abs=1e-12)


def test_the_multi_positive_loss_of_three_slices_of_two_patients_by_hand() -> None:
    among_patients = (math.log(1 + math.exp(-2)) + math.log(2) + math.log(1 + math.exp(-3))) / 3
    first, second = (math.log(sum(math.exp(s) for s in column)) for column in ((2, 1, 0), (0, 1, 3)))
    among_slices = ((first - 2 + first - 1) / 2 + (second - 3)) / 2
    expected = (among_patients + among_slices) / 2
    assert multi_positive_loss(SEVERAL, OWNERS).item() == pytest.approx(expected, abs=1e-12)


def test_with_one_slice_a_patient_alpha_at_a_half_and_multi_positive_are_clip() -> None:
    for seed in range(5):
        similarity, patient = drawn(4, 4, seed), torch.arange(4)
        expected = clip_loss(similarity, patient).item()
        assert alpha_loss(similarity, patient, alpha=0.5).item() == pytest.approx(expected)
        assert multi_positive_loss(similarity, patient).item() == pytest.approx(expected)


@pytest.mark.parametrize("batch", [2, 5])
@pytest.mark.parametrize(("kind", "collapse"), [("joint", 2.0), ("clip", 1.0), ("alpha", 1.0), ("multi_positive", 1.0)])
def test_at_collapse_the_joint_loss_is_twice_and_the_others_once_the_logarithm_of_the_batch(
    kind, collapse, batch
) -> None:
    flat, patient = torch.full((batch, batch), 7.0, dtype=torch.float64), torch.arange(batch)
    assert make_contrast(kind, 0.75)(flat, patient).item() == pytest.approx(collapse * math.log(batch))
    assert chance_loss(kind, patient) == pytest.approx(collapse * math.log(batch))


def test_several_slices_a_patient_have_a_floor_and_a_chance_of_their_own() -> None:
    assert min_loss("multi_positive", OWNERS) == pytest.approx((math.log(2) + math.log(1)) / 2 / 2)
    assert min_loss("multi_positive", torch.tensor([0, 0, 0, 1, 1, 1])) == pytest.approx(math.log(3) / 2)
    flat = torch.zeros(3, 2, dtype=torch.float64)
    assert multi_positive_loss(flat, OWNERS).item() == pytest.approx((math.log(2) + math.log(3)) / 2)
    assert chance_loss("multi_positive", OWNERS) == pytest.approx((math.log(2) + math.log(3)) / 2)


@pytest.mark.parametrize("kind", ONE_EACH)
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_perfect_pairs_reach_the_floor_and_nothing_falls_below_it(kind, batch) -> None:
    patient, loss = torch.arange(batch), make_contrast(kind, 0.75)
    least = min_loss(kind, patient)
    assert least == pytest.approx(math.log(batch) if kind == "joint" else 0.0)
    assert loss(perfect(patient), patient).item() == pytest.approx(least)
    for seed in range(20):
        assert loss(drawn(batch, batch, seed), patient).item() >= least - 1e-9


@pytest.mark.parametrize("patient", [OWNERS, torch.tensor([0, 0, 0, 1, 2, 2]), torch.tensor([0, 0])])
def test_perfect_slices_of_several_a_patient_reach_the_floor_and_nothing_falls_below_it(patient) -> None:
    least = min_loss("multi_positive", patient)
    assert multi_positive_loss(perfect(patient), patient).item() == pytest.approx(least)
    for seed in range(20):
        assert multi_positive_loss(drawn(len(patient), int(patient.max()) + 1, seed), patient).item() >= least - 1e-9


@pytest.mark.parametrize("kind", ONE_EACH)
def test_at_collapse_the_gradient_brings_pairs_together_and_others_apart(kind) -> None:
    similarity = torch.zeros(3, 3, requires_grad=True)
    make_contrast(kind, 0.75)(similarity, torch.arange(3)).backward()
    pairs = torch.eye(3, dtype=torch.bool)
    assert (similarity.grad[pairs] < 0).all()
    assert (similarity.grad[~pairs] > 0).all()


def test_no_slice_of_a_patient_is_pushed_from_its_genes() -> None:
    similarity = torch.zeros(3, 2, requires_grad=True)
    multi_positive_loss(similarity, OWNERS).backward()
    own = torch.nn.functional.one_hot(OWNERS).bool()
    assert (similarity.grad[own] < 0).all()
    assert (similarity.grad[~own] > 0).all()


@pytest.mark.parametrize("kind", ONE_EACH)
def test_the_order_of_pairs_and_a_common_shift_change_nothing(kind) -> None:
    loss = make_contrast(kind, 0.75)
    expected = loss(SIMILARITY, PAIR).item()
    assert loss(SIMILARITY.flip(0).flip(1), PAIR).item() == pytest.approx(expected)
    assert loss(SIMILARITY.flip(0), PAIR.flip(0)).item() == pytest.approx(expected)
    assert loss(SIMILARITY + 40, PAIR).item() == pytest.approx(expected)


@pytest.mark.parametrize("kind", ONE_EACH)
def test_a_loss_has_the_type_of_its_similarity(kind) -> None:
    assert make_contrast(kind, 0.75)(SIMILARITY.float(), PAIR).dtype == torch.float32


def test_only_the_clip_loss_weighs_each_image_alone() -> None:
    shifted = SIMILARITY + torch.tensor([[0.0], [9.0]])
    rows = torch.log_softmax(SIMILARITY, 1).diagonal()
    assert torch.allclose(torch.log_softmax(shifted, 1).diagonal(), rows)
    assert joint_loss(shifted, PAIR).item() != pytest.approx(joint_loss(SIMILARITY, PAIR).item(), abs=0.1)


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
