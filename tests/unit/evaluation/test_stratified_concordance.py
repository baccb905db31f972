import numpy as np
import pytest

from mgi.evaluation.concordance import harrell_c, uno_c
from mgi.evaluation.follow_up import FollowUp, follow_up_of
from mgi.evaluation.kaplan_meier import censoring_curve
from mgi.evaluation.stratified_concordance import concordance_within


def drawn(n: int, seed: int) -> tuple[FollowUp, np.ndarray]:
    rng = np.random.default_rng(seed)
    times, risk = rng.integers(1, 20, n).astype(float), rng.integers(0, 6, n).astype(float)
    return follow_up_of(times, rng.random(n) < 0.6), risk


@pytest.mark.parametrize("seed", range(20))
def test_in_one_stratum_it_is_harrells_and_unos(seed: int) -> None:
    follow_up, risk = drawn(30, seed)
    one = np.ones((1, 30))
    assert concordance_within(follow_up, risk, np.zeros(30))(one)[0] == pytest.approx(harrell_c(follow_up, risk))
    uncensored = censoring_curve(follow_up).at(follow_up.times)
    until = follow_up.times[uncensored > 0].max() + 0.5
    found = concordance_within(follow_up, risk, np.zeros(30), uncensored)(one)[0]
    assert found == pytest.approx(uno_c(follow_up, follow_up, risk, until))


def test_a_shift_of_one_fold_changes_nothing_and_would_change_the_whole() -> None:
    follow_up, risk = drawn(40, 4)
    folds = np.arange(40.0) % 2
    shifted = risk + 100 * folds
    one = np.ones((1, 40))
    assert concordance_within(follow_up, shifted, folds)(one) == concordance_within(follow_up, risk, folds)(one)
    assert harrell_c(follow_up, shifted) != harrell_c(follow_up, risk)


def test_drawn_twice_counts_as_two() -> None:
    follow_up, risk = drawn(10, 1)
    rows = np.array([0, 0, 3, 4, 5, 6, 7, 8, 9, 9])
    counts = np.bincount(rows, minlength=10).astype(float)[None]
    expected = harrell_c(follow_up.of(rows), risk[rows])
    assert concordance_within(follow_up, risk, np.zeros(10))(counts)[0] == pytest.approx(expected)
