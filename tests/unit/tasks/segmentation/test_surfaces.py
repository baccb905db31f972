import math

import numpy as np
import pytest

from mgi.tasks.segmentation.dice import Mask
from mgi.tasks.segmentation.surfaces import boundary, hd95_px, nsd_px


def square(top: int, left: int, side: int, size: int = 20) -> Mask:
    mask = np.zeros((1, size, size), dtype=bool)
    mask[0, top : top + side, left : left + side] = True
    return mask


def test_a_filled_square_has_its_rim_as_boundary() -> None:
    assert int(boundary(square(5, 5, 4)[0]).sum()) == 12


def test_a_mask_at_the_border_of_the_picture_has_a_boundary_there() -> None:
    assert int(boundary(np.ones((3, 3), dtype=bool)).sum()) == 8


def test_equal_masks_are_at_distance_zero() -> None:
    mask = square(5, 5, 6)
    assert hd95_px(mask, mask) == 0.0
    assert nsd_px(mask, mask, 2.0) == 1.0


def test_two_single_pixels_are_as_far_apart_as_they_are() -> None:
    assert hd95_px(square(2, 3, 1), square(5, 7, 1)) == pytest.approx(5.0)  # 3, 4, 5


def test_a_shift_within_tolerance_is_free_and_one_beyond_is_not() -> None:
    assert nsd_px(square(5, 5, 1), square(5, 7, 1), 2.0) == 1.0
    assert nsd_px(square(5, 5, 1), square(5, 8, 1), 2.0) == 0.0


def test_distances_are_the_same_when_prediction_and_truth_change_places() -> None:
    first, second = square(4, 4, 5), square(6, 7, 8)
    assert hd95_px(first, second) == hd95_px(second, first)
    assert nsd_px(first, second, 1.0) == nsd_px(second, first, 1.0)


def test_a_slice_that_one_mask_alone_reaches_counts_as_missed_but_has_no_distance() -> None:
    truth = np.concatenate([square(5, 5, 1), square(5, 5, 1)])
    prediction = np.concatenate([square(5, 5, 1), np.zeros((1, 20, 20), dtype=bool)])
    assert hd95_px(prediction, truth) == 0.0
    assert nsd_px(prediction, truth, 2.0) == pytest.approx(2 / 3)  # two pixels agree, one is alone


def test_an_empty_mask_leaves_distances_undefined() -> None:
    empty = np.zeros((1, 20, 20), dtype=bool)
    assert math.isnan(hd95_px(empty, square(5, 5, 3)))
    assert math.isnan(nsd_px(square(5, 5, 3), empty, 2.0))
