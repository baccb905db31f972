import math

import numpy as np
import pytest

from mgi.tasks.segmentation import dice
from mgi.tasks.segmentation.dice import Mask


def drawn(*slices: str) -> Mask:
    """A volume from pictures, one string a slice, rows parted by '/', '#' for tumour."""
    return np.array([[[pixel == "#" for pixel in row] for row in plane.split("/")] for plane in slices])


def as_bytes(mask: Mask) -> dice.Bytes:
    return np.where(mask, 255, 0).astype(np.uint8)


HAND_WORKED = [
    ("../..", "../..", math.nan),  # both empty
    ("../..", "#./..", 0.0),  # prediction empty
    ("#./..", "../..", 0.0),  # truth empty
    ("##/##", "../..", 0.0),  # full against empty
    ("../..", "##/##", 0.0),  # empty against full
    ("##/##", "##/##", 1.0),  # full against full
    ("##/##", "#./..", 2 / 5),
    ("#./..", "##/##", 2 / 5),
    ("#./..", "#./..", 1.0),
    ("#./..", ".#/..", 0.0),
    ("#./.#", ".#/#.", 0.0),  # complement
    ("##/..", "#./#.", 2 / 4),
    ("##/..", "##/##", 4 / 6),
    ("##/#.", "##/##", 6 / 7),
    ("##/#.", "#./..", 2 / 4),
    ("##/#.", "##/.#", 4 / 6),
    ("###/.../...", "#../#../#..", 2 / 6),
    ("###/#../...", "###/..#/...", 6 / 8),
    ("###/##./...", "###/..#/...", 6 / 9),
    ("###/###/###", ".../.#./...", 2 / 10),
]


@pytest.mark.parametrize(("prediction", "truth", "expected"), HAND_WORKED)
def test_dice_is_what_was_worked_by_hand(prediction: str, truth: str, expected: float) -> None:
    assert dice.dice(drawn(prediction), drawn(truth)) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("prediction", "truth", "expected"), HAND_WORKED)
def test_dice_does_not_depend_on_which_mask_is_the_prediction(prediction: str, truth: str, expected: float) -> None:
    assert dice.dice(drawn(truth), drawn(prediction)) == pytest.approx(expected, nan_ok=True)


@pytest.fixture
def trap() -> tuple[Mask, Mask]:
    """Three slices on which libraries disagree: perfect, empty in both, one false pixel on an empty slice."""
    return drawn("##/##", "../..", "#./.."), drawn("##/##", "../..", "../..")


def test_the_trap_slices_score_by_the_rule_that_the_name_states(trap: tuple[Mask, Mask]) -> None:
    prediction, truth = trap
    counts = dice.count_slices(prediction, truth)
    assert dice.dice(prediction, truth) == pytest.approx(8 / 9)
    assert dice.slice_positive(counts) == 1.0
    assert dice.slice_all_empty_one(counts) == pytest.approx(2 / 3)
    assert dice.slice_all_empty_skipped(counts) == pytest.approx(1 / 2)
    assert dice.slice_five_thresholds(as_bytes(prediction), truth) == pytest.approx(2 / 3, abs=1e-4)
    assert dice.lesion_slice_sensitivity(counts) == 1.0
    assert dice.empty_slice_specificity(counts) == pytest.approx(1 / 2)
    assert dice.volume_error(counts) == pytest.approx(1 / 4)


def test_predicting_nothing_scores_the_share_of_empty_slices_under_the_lenient_rule() -> None:
    truth = drawn("##/##", "../..", "../..", "../..")
    counts = dice.count_slices(np.zeros_like(truth), truth)
    assert dice.slice_all_empty_one(counts) == pytest.approx(3 / 4)
    assert dice.slice_all_empty_skipped(counts) == 0.0
    assert dice.volume_error(counts) == -1.0


def test_five_thresholds_average_masks_that_shrink() -> None:
    # .5 is stored as 128: in at .1 .3 .5, out at .7 .9; the other pixel is background
    probability = np.array([[[128, 0]]], dtype=np.uint8)
    truth = np.array([[[True, False]]])
    assert dice.slice_five_thresholds(probability, truth) == pytest.approx(3 / 5, abs=1e-3)


@pytest.mark.parametrize(("threshold", "byte"), [(0.1, 26), (0.3, 77), (0.5, 128), (0.7, 180), (0.9, 231)])
def test_a_threshold_is_the_first_byte_that_stands_for_it(threshold: float, byte: int) -> None:
    assert dice.at_least(np.array([byte - 1, byte], np.uint8), threshold).tolist() == [False, True]
    assert byte / 256 >= threshold > (byte - 1) / 256


def test_byte_128_is_tumour_and_127_is_not() -> None:
    assert dice.at_least(np.array([[[127, 128]]], dtype=np.uint8), 0.5).tolist() == [[[False, True]]]


def test_the_largest_component_counts_corners_and_spans_slices() -> None:
    prediction = drawn("#..#/.#../....", "..../..#./....")
    kept = dice.largest_component(prediction)
    assert kept.tolist() == drawn("#..#/.#../....", "..../..#./....").tolist()
    apart = dice.largest_component(drawn("##..#/#....", "...../....."))
    assert apart.tolist() == drawn("##.../#....", "...../.....").tolist()


def test_an_empty_prediction_has_no_component_and_stays_empty() -> None:
    assert not dice.largest_component(drawn("../..")).any()


def test_rates_without_their_kind_of_slice_are_undefined() -> None:
    all_empty = dice.count_slices(drawn("../.."), drawn("../.."))
    all_tumour = dice.count_slices(drawn("#./.."), drawn("#./.."))
    assert math.isnan(dice.slice_positive(all_empty))
    assert math.isnan(dice.lesion_slice_sensitivity(all_empty))
    assert math.isnan(dice.volume_error(all_empty))
    assert math.isnan(dice.slice_all_empty_skipped(all_empty))
    assert math.isnan(dice.empty_slice_specificity(all_tumour))
