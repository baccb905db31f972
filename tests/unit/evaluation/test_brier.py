import math

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.evaluation.brier import brier_scores, integrated_brier, integrated_errors
from mgi.evaluation.follow_up import follow_up_of
from mgi.evaluation.intervals import bootstrap_mean

FOUR = follow_up_of([1, 2, 3, 4], [1, 0, 1, 1])


def test_one_half_for_all_scores_a_quarter_where_nobody_was_censored() -> None:
    own = follow_up_of([1, 2, 3, 4], [1, 1, 1, 1])
    assert brier_scores(own, own, np.full((4, 2), 0.5), [1.5, 3]) == pytest.approx([0.25, 0.25])


def test_a_perfect_prediction_scores_0_and_its_opposite_1() -> None:
    own, times = follow_up_of([1, 2, 3, 4], [1, 1, 1, 1]), np.array([1.5, 3])
    perfect = (own.times[:, None] > times).astype(float)
    assert brier_scores(own, own, perfect, times).tolist() == [0, 0]
    assert brier_scores(own, own, 1 - perfect, times).tolist() == [1, 1]


def test_who_was_censored_before_gives_the_weight_to_the_rest() -> None:
    """At 3.5: events at 1 (weight 1) and 3 (weight 3/2), one followed on (weight 3/2), one censored at 2 (weight 0)."""
    survival = np.array([[0.1], [0.9], [0.4], [0.7]])
    expected = (0.1**2 + 1.5 * 0.4**2 + 1.5 * 0.3**2) / 4
    assert brier_scores(FOUR, FOUR, survival, [3.5]) == pytest.approx([expected])


def test_the_integral_is_the_mean_over_time() -> None:
    survival = np.tile([0.8, 0.5, 0.3], (4, 1))
    first, second, third = brier_scores(FOUR, FOUR, survival, [1.0, 2.0, 3.5])
    mean = ((first + second) / 2 + 1.5 * (second + third) / 2) / 2.5
    assert integrated_brier(FOUR, FOUR, survival, [1.0, 2.0, 3.5]) == pytest.approx(mean)


def test_its_interval_comes_from_the_patients_own_errors() -> None:
    survival, times = np.tile([0.8, 0.5, 0.3], (4, 1)), [1.0, 2.0, 3.5]
    interval = bootstrap_mean(integrated_errors(FOUR, FOUR, survival, times), draws=200, seed=0)
    assert interval.mean == pytest.approx(integrated_brier(FOUR, FOUR, survival, times))
    assert interval.low < interval.mean < interval.high


@pytest.mark.parametrize("times", [[0.5], [4.0], [2.0, 2.0], [3.0, 2.0], [], [math.nan]])
def test_times_outside_the_follow_up_or_out_of_order_are_refused(times: list[float]) -> None:
    with pytest.raises(BadInputError, match="brier: times: "):
        brier_scores(FOUR, FOUR, np.full((4, len(times)), 0.5), times)


def test_one_time_has_no_integral_and_another_shape_no_score() -> None:
    with pytest.raises(BadInputError, match="times: found 1, expected 2"):
        integrated_brier(FOUR, FOUR, np.full((4, 1), 0.5), [2.0])
    with pytest.raises(BadInputError, match=r"survival: found shape \(3, 1\), expected \(4, 1\)"):
        brier_scores(FOUR, FOUR, np.full((3, 1), 0.5), [2.0])
