import math

import pandas as pd

from mgi.evaluation.cohort_tables import AUDITED
from mgi.tasks.drawing import COLOURS, colour_of
from mgi.tasks.segmentation.reporting import DEFINITIONS
from mgi.tasks.segmentation.scoring import DICE_DEFINITIONS, OTHER_SCORES, POOLED
from mgi.tasks.text import CONDITIONS, METHODS, duration, in_order, interval, method_name, number, p_text, rows_by


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


def test_every_definition_that_is_scored_has_a_name_and_a_meaning() -> None:
    assert set(DEFINITIONS) == {*DICE_DEFINITIONS, *OTHER_SCORES, POOLED}


def test_ensembles_stand_last_in_the_order_of_their_methods_and_in_their_colours() -> None:
    assert in_order(["unet-ensemble", "x", "unet", "mgi-ensemble"]) == ["unet", "x", "mgi-ensemble", "unet-ensemble"]
    assert method_name("unet-ensemble") == "U-Net, ensemble"
    assert colour_of("unet-ensemble") == colour_of("unet")


def test_no_two_methods_share_a_colour() -> None:
    assert len({*COLOURS.values()}) == len(METHODS)


def test_an_unknown_method_keeps_its_name_and_comes_last() -> None:
    assert method_name("unet") == "U-Net"
    assert method_name("swin") == "swin"
    assert colour_of("swin") not in COLOURS.values()
    assert in_order(["swin", "unet", "mgi"]) == ["mgi", "unet", "swin"]


def test_every_condition_of_the_audit_has_a_name() -> None:
    assert set(AUDITED) < set(CONDITIONS)
    assert {method for method, _ in AUDITED.values()} < set(METHODS)
