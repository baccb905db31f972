import math

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.evaluation import concordance
from mgi.evaluation.concordance import concordance_within, harrell_c, uno_c
from mgi.evaluation.follow_up import FollowUp, follow_up_of
from mgi.evaluation.intervals import bootstrap_statistic
from mgi.evaluation.kaplan_meier import censoring_curve

FOUR = follow_up_of([1, 2, 3, 4], [1, 0, 1, 1])
RISK = [4.0, 3.0, 1.0, 2.0]


def drawn(seed: int, n: int = 60) -> tuple[FollowUp, np.ndarray]:
    rng = np.random.default_rng(seed)
    risk = np.round(rng.normal(size=n), 1)
    return follow_up_of(
        np.ceil(8 * rng.exponential(size=n) * np.exp(-risk)), np.append(rng.random(n - 1) < 0.6, True)
    ), risk


def test_three_of_four_pairs_are_in_order() -> None:
    assert harrell_c(FOUR, RISK) == 3 / 4


def test_events_after_a_censoring_weigh_more_by_uno() -> None:
    assert uno_c(FOUR, FOUR, RISK) == pytest.approx(3 / (3 + (3 / 2) ** 2))
    assert uno_c(FOUR, FOUR, RISK, until=3.0) == 1.0


def test_a_censoring_at_the_time_of_an_event_is_later_and_a_second_event_is_no_pair() -> None:
    assert harrell_c(follow_up_of([1, 1], [1, 0]), [2.0, 1.0]) == 1
    assert math.isnan(harrell_c(follow_up_of([1, 1], [1, 1]), [2.0, 1.0]))


@pytest.mark.parametrize("seed", range(20))
def test_a_reversed_risk_is_1_minus_c_and_a_constant_one_is_chance(seed: int) -> None:
    own, risk = drawn(seed)
    others = follow_up_of(np.append(drawn(seed + 100)[0].times, 1e6), np.append(drawn(seed + 100)[0].events, False))
    for score in (lambda risk: harrell_c(own, risk), lambda risk: uno_c(others, own, risk)):
        assert score(-risk) == pytest.approx(1 - score(risk), abs=1e-12)
        assert score(np.zeros(own.n)) == pytest.approx(0.5, abs=1e-12)
        assert score(risk) > 0.6


def test_without_censoring_uno_is_harrell() -> None:
    times = np.random.default_rng(3).exponential(size=30)
    own, risk = follow_up_of(times, np.ones(30)), np.round(-times, 1)
    assert uno_c(own, own, risk) == pytest.approx(harrell_c(own, risk), abs=1e-12)


def test_parts_of_the_pairs_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    own, risk = drawn(5)
    whole = harrell_c(own, risk)
    monkeypatch.setattr(concordance, "_ROWS", 7)
    assert harrell_c(own, risk) == whole


def test_its_interval_comes_from_resampled_patients() -> None:
    own, risk = drawn(7, n=120)
    interval = bootstrap_statistic(lambda rows: harrell_c(own.of(rows), risk[rows]), own.n, draws=200, seed=0)
    assert interval.mean == harrell_c(own, risk)
    assert 0.5 < interval.low < interval.mean < interval.high < 1


def test_an_event_that_cannot_be_weighed_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"time: found an event at 3, when all of training are censored"):
        uno_c(follow_up_of([1, 2], [1, 0]), FOUR, RISK)


def test_a_risk_that_is_missing_is_refused() -> None:
    with pytest.raises(BadInputError, match="risk: patient 2: found nan"):
        harrell_c(FOUR, [1, 2, math.nan, 4])
    with pytest.raises(BadInputError, match=r"risk: found shape \(3,\), expected \(4,\)"):
        harrell_c(FOUR, [1, 2, 3])


@pytest.mark.parametrize("seed", range(20))
def test_in_one_stratum_it_is_harrells_and_unos(seed: int) -> None:
    follow_up, risk = drawn(seed, 30)
    one = np.ones((1, 30))
    assert concordance_within(follow_up, risk)(one)[0] == pytest.approx(harrell_c(follow_up, risk))
    uncensored = censoring_curve(follow_up).at(follow_up.times)
    until = follow_up.times[uncensored > 0].max() + 0.5
    found = concordance_within(follow_up, risk, uncensored=uncensored)(one)[0]
    assert found == pytest.approx(uno_c(follow_up, follow_up, risk, until))


def test_a_shift_of_one_fold_changes_nothing_and_would_change_the_whole() -> None:
    follow_up, risk = drawn(4, 40)
    folds = np.arange(40.0) % 2
    shifted = risk + 100 * folds
    one = np.ones((1, 40))
    assert concordance_within(follow_up, shifted, folds)(one) == concordance_within(follow_up, risk, folds)(one)
    assert harrell_c(follow_up, shifted) != harrell_c(follow_up, risk)


def test_a_patient_drawn_twice_counts_as_two() -> None:
    follow_up, risk = drawn(1, 10)
    rows = np.array([0, 0, 3, 4, 5, 6, 7, 8, 9, 9])
    counts = np.bincount(rows, minlength=10).astype(float)[None]
    expected = harrell_c(follow_up.of(rows), risk[rows])
    assert concordance_within(follow_up, risk)(counts)[0] == pytest.approx(expected)
