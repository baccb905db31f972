import pytest
import torch

from mgi.datasets.derangement import derangement


@pytest.mark.parametrize("count", [2, 3, 7, 50])
def test_everybody_is_given_what_is_somebody_elses_and_all_is_given_once(count: int) -> None:
    taken = derangement(count, 4)
    assert not (taken == torch.arange(count)).any()
    assert sorted(taken.tolist()) == list(range(count))
    assert torch.equal(taken, derangement(count, 4))


def test_one_keeps_its_own_and_nobody_has_nothing_to_give() -> None:
    assert derangement(1, 0).tolist() == [0]
    assert derangement(0, 0).tolist() == []
    assert not torch.equal(derangement(50, 0), derangement(50, 1))
