from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.geometry import (
    lps_of,
    positions_along_normal,
    ras_of,
    resample_mask,
    to_native_axes,
    to_stored_axes,
)

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
    with pytest.raises(BadInputError, match=r"grid: affine .*inverse"):
        resample_mask(MASK, flat, (4, 5, 6), AFFINE)


def resampled_one_by_one(mask: np.ndarray, mask_affine: np.ndarray, shape: tuple[int, ...], affine: np.ndarray) -> Any:
    """Voxel by voxel: the plain reading of what the fast ways must give."""
    to_mask = np.linalg.inv(mask_affine) @ affine
    result = np.zeros(shape, np.uint8)
    for index in np.ndindex(*shape):
        place = np.floor(np.round((to_mask @ [*index, 1])[:3], 6) + 0.5).astype(int)
        if (place >= 0).all() and (place < mask.shape).all():
            result[index] = mask[tuple(place)]
    return result


@pytest.mark.parametrize("seed", range(12))
def test_the_fast_ways_agree_with_one_voxel_after_another(seed: int) -> None:
    """Even seeds: parallel grids, axes swapped and flipped at random. Odd seeds: any rotation."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((6, 7, 8), np.uint8)
    mask[2:5, 1:6, 3:7] = rng.random((3, 5, 4)) > 0.5
    turn = np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1], 3) if seed % 2 == 0 else random_rotation(rng)
    affine = np.eye(4)
    affine[:3, :3] = turn * rng.uniform(0.5, 2, 3)
    affine[:3, 3] = [3, 3, 4] - affine[:3, :3] @ [3, 3, 3]
    found = resample_mask(mask, np.eye(4), (7, 6, 8), affine)
    assert np.array_equal(found, resampled_one_by_one(mask, np.eye(4), (7, 6, 8), affine))
    assert found.any()


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(3, 3)))[0]


def test_an_empty_mask_stays_empty() -> None:
    assert not resample_mask(np.zeros((4, 5, 6), np.uint8), AFFINE, (3, 3, 3), np.eye(4)).any()


def test_left_and_back_are_positive_in_lps_and_negative_in_ras() -> None:
    """x of NIfTI is our column j, y our row i, z our slice k; left and back change sign, the head does not."""
    ours = np.array([[0, 0, 2.0, 10], [0, 3.0, 0, 20], [5.0, 0, 0, 30], [0, 0, 0, 1]])
    assert ras_of(ours).tolist() == [[-2, 0, 0, -10], [0, -3, 0, -20], [0, 0, 5, 30], [0, 0, 0, 1]]
    assert np.array_equal(lps_of(ras_of(ours)), ours)


SAGITTAL = np.array([[4.0, 0, 0, -60], [0, 0, 1.0, -90], [0, -1.0, 0, 100], [0, 0, 0, 1]])  # k left, i down, j back


def test_an_axial_series_is_not_turned() -> None:
    voxels, affine, native = to_stored_axes(MASK, AFFINE)
    assert np.shares_memory(voxels, MASK)
    assert np.array_equal(affine, AFFINE)
    assert native == "LPS"


def test_a_sagittal_series_becomes_axial_and_every_voxel_keeps_its_place() -> None:
    turned, affine, native = to_stored_axes(MASK, SAGITTAL)
    assert (turned.shape, native) == ((5, 6, 4), "PIL")
    assert (np.diag(affine[:3, :3][::-1]) > 0).all()
    for index in np.ndindex(*turned.shape):
        place = np.linalg.inv(SAGITTAL) @ affine @ [*index, 1]
        assert turned[index] == MASK[tuple(np.round(place[:3]).astype(int))]


@pytest.mark.parametrize("seed", range(8))
def test_what_was_turned_is_turned_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = random_rotation(rng) * rng.uniform(0.5, 3, 3)
    affine[:3, 3] = rng.uniform(-90, 90, 3)
    voxels = rng.integers(0, 99, (4, 5, 6))
    turned, turned_affine, native = to_stored_axes(voxels, affine)
    array, ras = to_native_axes(turned, turned_affine, native)
    assert np.array_equal(array, voxels.transpose(2, 1, 0))
    assert np.allclose(ras, ras_of(affine), rtol=0, atol=1e-9)


def test_positions_follow_the_normal_and_not_the_lean_of_the_stack() -> None:
    leaning = AFFINE.copy()
    leaning[:3, 0] = [0.0, 1.0, 5.0]
    assert positions_along_normal(leaning, 3).tolist() == [30.0, 35.0, 40.0]
