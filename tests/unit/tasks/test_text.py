import math

import pandas as pd

from mgi.tasks.text import duration, interval, number, p_text, rows_by


def test_numbers_have_three_digits_a_true_minus_and_a_dash_for_nothing() -> None:
    assert number(0.12345) == "0.123"
    assert number(-0.5, signed=True) == "−0.500"
    assert number(0.5, signed=True) == "+0.500"
    assert number(math.nan) == "–"
    assert interval(0.1, 0.25) == "0.100 to 0.250"
    assert interval(math.nan, 0.25) == "–"


def test_a_tiny_p_is_not_printed_as_zero() -> None:
    assert p_text(0.0004) == "< 0.001"
    assert p_text(0.04) == "0.040"
    assert p_text(math.nan) == "–"


def test_rows_are_found_by_name() -> None:
    assert rows_by(pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), "a")["y"]["b"] == 2


def test_durations_are_read_at_a_glance() -> None:
    assert [duration(s) for s in (1.44, 90, 7200)] == ["1.4 s", "1.5 min", "2.0 h"]
