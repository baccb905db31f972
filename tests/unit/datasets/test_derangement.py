import numpy as np
import pytest
import torch

from mgi.datasets.derangement import cyclic_derangement, uniform_derangement


@pytest.mark.parametrize("count", [2, 3, 7, 50])
def test_everybody_is_given_what_is_somebody_elses_and_all_is_given_once(count: int) -> None:
    rng = np.random.default_rng(4)
    for taken in (cyclic_derangement(count, 4), *(uniform_derangement(count, rng) for _ in range(50))):
        assert not (taken == torch.arange(count)).any()
        assert sorted(taken.tolist()) == list(range(count))
    assert torch.equal(cyclic_derangement(count, 4), cyclic_derangement(count, 4))


def test_one_keeps_its_own_and_nobody_has_nothing_to_give() -> None:
    assert cyclic_derangement(1, 0).tolist() == [0]
    assert cyclic_derangement(0, 0).tolist() == []
    assert not torch.equal(cyclic_derangement(50, 0), cyclic_derangement(50, 1))
    with pytest.raises(ValueError, match="found 1, expected 2 at least"):
        uniform_derangement(1, np.random.default_rng(0))


def test_one_draw_has_a_single_cycle_and_the_other_all_kinds() -> None:
    """Of four, six of the nine derangements are one cycle and three exchange two pairs."""
    assert {cycles(cyclic_derangement(4, seed)) for seed in range(50)} == {1}
    rng = np.random.default_rng(0)
    pairs = sum(cycles(uniform_derangement(4, rng)) == 2 for _ in range(900))
    assert 250 < pairs < 350, "a third of them, within 3.5 standard errors"


def cycles(taken: torch.Tensor) -> int:
    """How many rounds the order consists of."""
    left, found = set(range(len(taken))), 0
    while left:
        place, found = min(left), found + 1
        while place in left:
            left.remove(place)
            place = int(taken[place])
    return found


def test_earlier_trainings_and_audits_are_drawn_again() -> None:
    rng = np.random.default_rng(0)
    assert cyclic_derangement(7, 4).tolist() == [2, 6, 1, 4, 5, 0, 3]
    assert [uniform_derangement(7, rng).tolist() for _ in range(2)] == [[2, 4, 3, 6, 5, 0, 1], [5, 2, 4, 6, 1, 0, 3]]
