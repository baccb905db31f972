from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.slice_order import Placement, grid_affine, order_slices, stack_normal

AXIAL = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def placement(
    position: tuple[float, float, float], axes: np.ndarray, instance: int | None = 1, **options: Any
) -> Placement:
    values: dict[str, Any] = {"shape": (2, 2), "axes": axes, "spacing_mm": np.array([1.0, 1.0]), **options}
    return Placement(sop_uid=f"1.{position}", instance_number=instance, position=np.array(position), **values)


@pytest.mark.parametrize(
    ("row", "column", "normal"),
    [
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),  # axial: to the head
        ((1, 0, 0), (0, -1, 0), (0, 0, 1)),
        ((0, 1, 0), (0, 0, -1), (1, 0, 0)),  # sagittal: to the left
        ((1, 0, 0), (0, 0, -1), (0, 1, 0)),  # coronal: to the back
    ],
)
def test_the_normal_points_to_the_head_the_left_or_the_back(
    row: tuple[int, ...], column: tuple[int, ...], normal: tuple[int, ...]
) -> None:
    assert stack_normal(np.array([row, column], float)).tolist() == list(normal)


def test_the_same_stack_given_backwards_has_the_same_grid() -> None:
    stack = [placement((0, 0, 3.0 * k), AXIAL, k) for k in range(5)]
    one, two = order_slices(stack, "s"), order_slices(stack[::-1], "s")
    assert one.indexes == [0, 1, 2, 3, 4]
    assert two.indexes == [4, 3, 2, 1, 0]
    assert np.array_equal(one.affine, two.affine)


def test_positions_printed_with_noise_are_not_repeats() -> None:
    stack = [placement((0, 0, z), AXIAL, k) for k, z in enumerate([0.0, 3.0004, 5.9996, 9.0])]
    assert order_slices(stack, "s").notes == ()


def test_a_slice_without_number_gives_way_to_one_with() -> None:
    stack = [placement((0, 0, 0), AXIAL, None), placement((0, 0, 0), AXIAL, 7), placement((0, 0, 3), AXIAL, 8)]
    assert order_slices(stack, "s").indexes == [1, 2]


def test_the_grid_steps_along_slices_rows_and_columns() -> None:
    affine = grid_affine(
        np.array([1.0, 2.0, 3.0]), np.array([0, 0, 5.0]), np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.array([2.0, 4.0])
    )
    assert (affine @ [1, 1, 1, 1]).tolist() == [1 + 4, 2 + 2, 3 + 5, 1]


def stack(heights: list[float], drift_mm: float = 0.0, **options: Any) -> list[Placement]:
    """Slices at heights, numbered from 1, each `drift_mm` further to the left than the one before."""
    return [placement((drift_mm * k, 0, z), AXIAL, k + 1, **options) for k, z in enumerate(heights)]


def places_of(order: Any, count: int) -> np.ndarray:
    """Where the grid has the first voxel of each slice (count, 3)."""
    return np.array([(order.affine @ [k, 0, 0, 1])[:3] for k in range(count)])


def test_steps_of_five_and_then_seven_are_refused_by_the_worst_slice() -> None:
    heights = [*(5.0 * np.arange(10)), *(45 + 7.0 * np.arange(1, 11))]
    # By hand: 19 steps of 115 / 19 mm; the tenth slice lies at 45 where the grid has 9 of them, 54.47.
    with pytest.raises(BadInputError, match=r"instance 10, 10 of 20, lies 9\.47 mm .* steps of 6\.05 mm, .* 0\.61 mm"):
        order_slices(stack(heights), "s")


@pytest.mark.parametrize("off", [0.0, 0.4, 0.49])
def test_the_grid_has_every_slice_within_a_tenth_of_a_step_of_its_own_place(off: float) -> None:
    placements = stack([0.0, 5.0 + off, 10.0, 15.0 - off, 20.0])
    found = places_of(order_slices(placements, "s"), 5)
    assert np.abs(found - [one.position for one in placements]).max() <= 0.5


@pytest.mark.parametrize("off", [0.51, -0.7, 1.2])
def test_a_slice_further_than_a_tenth_of_a_step_from_its_place_is_refused(off: float) -> None:
    with pytest.raises(BadInputError, match="instance 3, 3 of 6"):
        order_slices(stack([0.0, 5.0, 10.0 + off, 15.0, 20.0, 25.0]), "s")


def test_a_slice_that_lies_to_the_side_is_refused_too() -> None:
    placements = stack([0.0, 5.0, 10.0, 15.0])
    placements[1] = placement((3.0, 0, 5.0), AXIAL, 2)
    with pytest.raises(BadInputError, match=r"instance 2, 2 of 4, lies 3\.00 mm"):
        order_slices(placements, "s")


def test_a_stack_that_leans_evenly_is_one_grid_and_one_that_slides_is_none() -> None:
    leaning = stack([0.0, 5.0, 10.0], drift_mm=2.0)
    assert np.allclose(places_of(order_slices(leaning, "s"), 3), [one.position for one in leaning])
    with pytest.raises(BadInputError, match=r"6\.00 mm to the side .* 5\.00 mm above"):
        order_slices(stack([0.0, 5.0, 10.0], drift_mm=6.0), "s")


def test_the_far_corner_counts_as_the_first_voxel_does() -> None:
    placements = stack([0.0, 1.0, 2.0, 3.0], shape=(300, 300))
    turned = np.array([[1.0, 9e-4, 0], [-9e-4, 1.0, 0]])  # within what is one orientation: 0.27 mm at 300 mm
    placements[2] = placement((0, 0, 2.0), turned, 3, shape=(300, 300))
    with pytest.raises(BadInputError, match=r"instance 3, 3 of 4, lies 0\.\d\d mm"):
        order_slices(placements, "s")


@pytest.mark.parametrize("missing", [[3], [3, 4], [1, 5]])
def test_slices_that_are_missing_within_are_refused(missing: list[int]) -> None:
    heights = [5.0 * k for k in range(10) if k not in missing]
    with pytest.raises(BadInputError, match=r"a gap of 1[05]\.00 mm .*missing"):
        order_slices(stack(heights), "s")


def test_every_second_slice_missing_is_told_by_the_stated_spacing() -> None:
    half = stack([10.0 * k for k in range(6)], stated_step_mm=5.0, thickness_mm=5.0)
    with pytest.raises(
        BadInputError, match=r"SpacingBetweenSlices: found 5 mm where slices lie 10\.00 mm apart.*missing"
    ):
        order_slices(half, "s")


def test_every_second_slice_missing_is_told_by_the_numbers_too() -> None:
    half = stack([10.0 * k for k in range(6)], thickness_mm=5.0)
    assert order_slices(half, "s").notes == ()  # numbered one after the other
    skipping = [replace(one, instance_number=2 * k) for k, one in enumerate(half)]
    with pytest.raises(BadInputError, match=r"InstanceNumber: numbers skip as places do: 10\.00 mm apart, 5 mm thick"):
        order_slices(skipping, "s")
    contiguous = [replace(one, thickness_mm=10.0) for one in skipping]  # another echo was taken away
    assert order_slices(contiguous, "s").notes == ()


def test_a_spacing_that_states_the_gap_alone_is_believed_less_than_the_positions_and_noted() -> None:
    order = order_slices(stack([6.0 * k for k in range(6)], stated_step_mm=1.0, thickness_mm=5.0), "s")
    assert order.affine[2, 0] == 6.0
    assert order.notes == ("SpacingBetweenSlices 1 mm, took the positions' 6.00 mm",)


def test_slices_that_lie_within_each_other_against_their_stated_spacing_are_two_scans() -> None:
    with pytest.raises(BadInputError, match=r"5 mm where slices lie 2\.50 mm apart and within each other"):
        order_slices(stack([2.5 * k for k in range(12)], stated_step_mm=5.0, thickness_mm=5.0), "s")
    overlapping = stack([0.8 * k for k in range(12)], stated_step_mm=0.8, thickness_mm=1.6)  # reconstructed so
    assert order_slices(overlapping, "s").notes == ()
