"""Dice for programs: what would give a wrong number in silence is refused."""

import math

import numpy as np
import pytest

import mgi
from mgi.core.errors import BadInputError
from mgi.tasks.segmentation.scoring import score_patient

TRUTH = np.zeros((3, 6, 6), np.uint8)
TRUTH[1, 2:5, 2:5] = 1


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_masks_of_any_type_give_the_same_dice(dtype: type) -> None:
    moved = np.roll(TRUTH, 1, axis=2).astype(dtype)
    assert mgi.dice(moved, TRUTH) == pytest.approx(2 * 6 / 18)
    assert mgi.dice(moved, TRUTH.astype(dtype)) == pytest.approx(2 * 6 / 18)


def test_two_empty_masks_have_no_dice() -> None:
    assert math.isnan(mgi.dice(np.zeros((2, 2)), np.zeros((2, 2))))


@pytest.mark.parametrize(
    ("prediction", "truth", "said"),
    [
        (TRUTH * 4, TRUTH, "prediction: found 4, expected a mask of 0 and 1"),
        (TRUTH, TRUTH * 255, "truth: found 255, expected a mask of 0 and 1"),
        (TRUTH * 0.3, TRUTH, "prediction: found 0.3, expected a mask of 0 and 1"),
        (TRUTH - 1.0, TRUTH, "prediction: found -1, expected"),
        (np.where(TRUTH, np.nan, 0), TRUTH, "prediction: found nan, expected"),
        (TRUTH.astype(str), TRUTH, "prediction: found values of type <U3, expected"),
        (TRUTH[:2], TRUTH, "prediction: found shape (2, 6, 6), expected (3, 6, 6)"),
        (TRUTH[..., None], TRUTH, "prediction: found shape (3, 6, 6, 1), expected (3, 6, 6)"),
    ],
)
def test_label_maps_probabilities_and_other_shapes_are_refused(prediction, truth, said: str) -> None:
    with pytest.raises(BadInputError) as caught:
        mgi.dice(prediction, truth)
    assert said in str(caught.value)


def test_every_definition_is_that_of_the_tables() -> None:
    shares = np.random.default_rng(0).random(TRUTH.shape)
    expected = score_patient(np.floor(shares * 256).astype(np.uint8), TRUTH > 0, "P")
    assert mgi.dice_definitions(shares, TRUTH) == pytest.approx(expected, nan_ok=True)
    mask = mgi.dice_definitions(shares >= 0.5, TRUTH)
    assert mask["volume"] == expected["volume"]
    assert mask == pytest.approx(mgi.dice_definitions((shares >= 0.5).astype(int), TRUTH), nan_ok=True)


@pytest.mark.parametrize(
    ("prediction", "truth", "said"),
    [
        (TRUTH * 2, TRUTH, "prediction: found 2, expected probabilities of 0 to 1, or a mask"),
        (TRUTH[1], TRUTH[1], "truth: found 2 axes, expected 3"),
        (TRUTH, TRUTH * 0, "the true mask is empty"),
        (TRUTH[1:], TRUTH, "expected the images' (3, 6, 6)"),
    ],
)
def test_a_volume_that_cannot_be_scored_is_refused(prediction, truth, said: str) -> None:
    with pytest.raises(BadInputError) as caught:
        mgi.dice_definitions(prediction, truth)
    assert said in str(caught.value)
