import math

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.evaluation.follow_up import follow_up_of
from mgi.evaluation.kaplan_meier import censoring_curve, kaplan_meier, numbers_at_risk

FIVE = follow_up_of([4, 2, 1, 2, 3], [1, 1, 1, 0, 0])


def test_the_curve_of_five_patients() -> None:
    curve = kaplan_meier(FIVE)
    assert curve.times.tolist() == [1, 2, 3, 4]
    assert curve.at_risk.tolist() == [5, 4, 2, 1]
    assert curve.ends.tolist() == [1, 1, 0, 1]
    assert curve.survival == pytest.approx([4 / 5, 4 / 5 * 3 / 4, 3 / 5, 0])


def test_the_interval_is_greenwoods() -> None:
    curve = kaplan_meier(FIVE)
    error = math.sqrt(1 / (5 * 4) + 1 / (4 * 3)) / abs(math.log(0.6))
    assert curve.low[1] == pytest.approx(0.6 ** math.exp(1.959963985 * error))
    assert curve.high[1] == pytest.approx(0.6 ** math.exp(-1.959963985 * error))
    assert math.isnan(curve.low[3])
    assert math.isnan(curve.high[3])


def test_nothing_is_uncertain_before_the_first_event() -> None:
    curve = kaplan_meier(follow_up_of([1, 2, 3], [0, 1, 0]))
    assert (curve.low[0], curve.survival[0], curve.high[0]) == (1, 1, 1)


def test_at_a_time_with_both_events_come_before_censoring() -> None:
    assert kaplan_meier(FIVE).at([2])[0] == pytest.approx(0.6)
    assert censoring_curve(FIVE).survival == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3])


def test_the_curve_is_1_at_first_and_keeps_its_step_until_the_next() -> None:
    assert kaplan_meier(FIVE).at(np.array([[0.5, 1.0], [1.9, 3.9]])) == pytest.approx(np.array([[1, 0.8], [0.8, 0.6]]))


def test_a_time_after_the_last_is_known_only_of_a_curve_that_fell_to_0() -> None:
    assert kaplan_meier(FIVE).at([9.0]).tolist() == [0.0]
    with pytest.raises(BadInputError, match=r"time: found 9, expected at most 4"):
        censoring_curve(FIVE).at([9.0])


def test_who_is_followed_up_to_a_time_is_at_risk_then() -> None:
    assert numbers_at_risk(FIVE, [0, 2, 2.5, 5]).tolist() == [5, 4, 2, 0]
