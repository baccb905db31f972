import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.imaging.geometry import resample_mask

RNG = np.random.default_rng(0)
MASK = (RNG.random((4, 5, 6)) > 0.5).astype(np.uint8)
AFFINE = np.array([[0, 0, 2.0, 10], [0, 2.0, 0, 20], [5.0, 0, 0, 30], [0, 0, 0, 1]])


def test_equal_grids_give_an_exact_copy() -> None:
    copy = resample_mask(MASK, AFFINE, (4, 5, 6), AFFINE)
    assert np.array_equal(copy, MASK)
    assert copy is not MASK


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_flipped_mask_is_turned_back_by_its_affine(axes: tuple[int, ...]) -> None:
    flipped, affine = MASK, AFFINE.copy()
    for axis in axes:
        flipped = np.flip(flipped, axis)
        affine[:, 3] += affine[:, axis] * (MASK.shape[axis] - 1)
        affine[:3, axis] *= -1
    assert np.array_equal(resample_mask(flipped, affine, (4, 5, 6), AFFINE), MASK)


def test_a_rotated_mask_is_turned_back_by_its_affine() -> None:
    rotated = MASK.transpose(0, 2, 1)
    affine = AFFINE[:, [0, 2, 1, 3]]
    assert np.array_equal(resample_mask(rotated, affine, (4, 5, 6), AFFINE), MASK)


def test_a_finer_target_repeats_the_nearest_voxel() -> None:
    mask = np.array([[[0, 1]]], np.uint8)
    fine = np.diag([1.0, 1.0, 0.5, 1.0])
    fine[2, 3] = -0.25
    assert resample_mask(mask, np.eye(4), (1, 1, 4), fine).ravel().tolist() == [0, 0, 1, 1]


def test_a_voxel_outside_of_the_mask_is_empty() -> None:
    shifted = AFFINE.copy()
    shifted[2, 3] += 5.0
    moved = resample_mask(MASK, AFFINE, (4, 5, 6), shifted)
    assert np.array_equal(moved[:3], MASK[1:])
    assert not moved[3].any()


def test_half_way_between_two_voxels_the_upper_one_is_taken() -> None:
    mask = np.array([[[0, 1]]], np.uint8)
    between = np.eye(4)
    between[2, 3] = 0.5
    assert resample_mask(mask, np.eye(4), (1, 1, 1), between).ravel().tolist() == [1]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_affine_without_inverse_is_refused(value: float) -> None:
    flat = AFFINE.copy()
    flat[2, 0] = value
    with pytest.raises(BadInputError, match="no inverse"):
        resample_mask(MASK, flat, (4, 5, 6), AFFINE)
