import math

import numpy as np
import pytest

from mgi.evaluation.intervals import (
    Interval,
    bootstrap_mean,
    bootstrap_ratio,
    bootstrap_statistic,
    holm,
    percentiles,
    wilcoxon_p,
)


def test_equal_patients_leave_no_doubt() -> None:
    interval = bootstrap_mean([0.5] * 8, draws=100, seed=0)
    assert (interval.mean, interval.low, interval.high, interval.n) == (0.5, 0.5, 0.5, 8)


def test_the_interval_is_about_as_wide_as_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(0.7, 0.1, 400)
    interval = bootstrap_mean(values, draws=4000, seed=0)
    half_width = 1.96 * values.std() / math.sqrt(400)
    assert interval.low == pytest.approx(values.mean() - half_width, abs=0.002)
    assert interval.high == pytest.approx(values.mean() + half_width, abs=0.002)


def test_a_seed_fixes_the_interval() -> None:
    values = [0.1, 0.5, 0.9, 0.2]
    assert bootstrap_mean(values, 500, seed=3) == bootstrap_mean(values, 500, seed=3)
    assert bootstrap_mean(values, 500, seed=3) != bootstrap_mean(values, 500, seed=4)


def test_undefined_scores_are_left_out() -> None:
    assert bootstrap_mean([1.0, math.nan, 0.0], 10, 0).n == 2


def test_one_patient_has_a_mean_and_no_interval() -> None:
    interval = bootstrap_mean([0.4], 10, 0)
    assert interval.mean == 0.4
    assert math.isnan(interval.low)
    assert math.isnan(bootstrap_mean([], 10, 0).mean)


def test_a_pooled_score_is_the_ratio_of_sums() -> None:
    interval = bootstrap_ratio([2.0, 0.0], [2.0, 6.0], draws=2000, seed=0)
    assert interval.mean == pytest.approx(2 / 8)
    assert (interval.low, interval.high) == (0.0, 1.0)  # each patient alone is drawn in a quarter of the draws
    assert math.isnan(bootstrap_ratio([], [], 10, 0).mean)
    assert math.isnan(bootstrap_ratio([1.0], [2.0], 10, 0).low)


def test_a_constant_shift_is_a_certain_difference() -> None:
    first = np.array([0.3, 0.6, 0.9])
    interval = bootstrap_mean(first - (first - 0.1), 100, 0)
    assert (interval.low, interval.high) == (pytest.approx(0.1), pytest.approx(0.1))


def test_wilcoxon_of_five_gains_is_two_in_thirty_two() -> None:
    assert wilcoxon_p([0.1, 0.2, 0.3, 0.4, 0.5]) == pytest.approx(2 / 32)


def test_wilcoxon_without_any_difference_is_one_and_without_patients_undefined() -> None:
    assert wilcoxon_p([0.0, 0.0]) == 1.0
    assert math.isnan(wilcoxon_p([]))
    assert wilcoxon_p([0.2]) == 1.0


def test_wilcoxon_takes_ties_and_zeros_without_a_warning() -> None:
    assert 0 < wilcoxon_p([0.0, 0.1, 0.1, -0.1, 0.2, 0.0]) < 1


def test_holm_multiplies_by_the_tests_left_and_never_decreases() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_holm_ignores_what_could_not_be_tested() -> None:
    adjusted = holm([0.02, math.nan, 0.01])
    assert adjusted[0] == pytest.approx(0.02)
    assert math.isnan(adjusted[1])
    assert adjusted[2] == pytest.approx(0.02)


def test_a_mean_as_a_statistic_has_the_interval_of_a_mean() -> None:
    values = np.random.default_rng(2).normal(size=40)
    found = bootstrap_statistic(lambda rows: float(values[rows].mean()), 40, draws=300, seed=1)
    assert found == pytest.approx(bootstrap_mean(values, 300, 1))


def test_draws_without_a_value_are_left_out_and_too_many_of_them_leave_no_interval() -> None:
    def known_with(rows_apart: int) -> Interval:
        """The mean row number of 4, where so many different rows were drawn at least."""
        return bootstrap_statistic(
            lambda rows: float(rows.mean()) if len(set(rows.tolist())) >= rows_apart else math.nan, 4, draws=400, seed=0
        )

    assert known_with(1).low < known_with(3).low < 1.5 < known_with(3).high < known_with(1).high
    assert known_with(4).mean == 1.5
    assert math.isnan(known_with(4).low)
    assert math.isnan(known_with(5).mean)
    assert math.isnan(bootstrap_statistic(lambda rows: 1.0, 1, 10, 0).low)


def test_there_is_no_interval_where_half_of_the_draws_have_no_value() -> None:
    assert percentiles(np.array([0.1, np.nan, 0.3, 0.2])) == pytest.approx((0.105, 0.295))
    assert math.isnan(percentiles(np.array([0.1, np.nan]))[0])
