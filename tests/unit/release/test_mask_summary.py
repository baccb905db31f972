import numpy as np

from mgi.release.mask_summary import bodies_of, largest_body, summarise_mask


def test_bodies_touch_at_corners_and_come_largest_first() -> None:
    mask = np.zeros((3, 4, 4), np.uint8)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[2, 3, 3] = 1
    assert bodies_of(mask).tolist() == [2, 1]
    summary = summarise_mask(mask, np.diag([5.0, 2.0, 0.5, 1]))
    assert (summary.voxels, summary.slices, summary.volume_ml, summary.bodies, summary.largest_share) == (
        3,
        3,
        0.015,
        2,
        0.6667,
    )
    assert summarise_mask(np.zeros((1, 2, 2), np.uint8), None).largest_share is None


def test_a_mask_is_counted_and_its_volume_follows_from_the_voxels_size() -> None:
    mask = np.zeros((3, 8, 8), np.uint8)
    mask[0, :3, :3] = 1
    mask[2, 7, 7] = 1
    summary = summarise_mask(mask, np.diag([5.0, 2.0, 1.0, 1.0]))
    assert (summary.voxels, summary.slices, summary.bodies) == (10, 2, 2)
    assert summary.largest_share == 0.9
    assert summary.volume_ml == 0.1  # ten voxels of 10 cubic mm
    assert summarise_mask(mask, None).volume_ml is None


def test_only_the_largest_body_stays_and_its_corners_touch() -> None:
    mask = np.zeros((3, 8, 8), np.uint8)
    mask[0, 0, :3] = mask[1, 7, 7] = mask[2, 6, 6] = 1
    expected = mask.copy()
    expected[1:] = 0
    assert np.array_equal(largest_body(mask), expected)
    assert largest_body(mask).dtype == np.uint8
    mask[2, 5, 5:7] = 1  # four against three now
    assert np.array_equal(largest_body(mask), mask - expected)


def test_of_two_bodies_of_one_size_the_first_stays_and_one_or_none_is_unchanged() -> None:
    mask = np.zeros((1, 4, 4), np.uint8)
    assert not largest_body(mask).any()
    mask[0, 0, 0] = 1
    assert np.array_equal(largest_body(mask), mask)
    twice = mask.copy()
    twice[0, 3, 3] = 1
    assert np.array_equal(largest_body(twice), mask)
