import numpy as np
import pytest

from mgi.modalities.flair.slice_order import Placement, grid_affine, order_slices, stack_normal


def placement(position: tuple[float, float, float], axes: np.ndarray, instance: int | None = 1) -> Placement:
    return Placement(
        sop_uid=f"1.{position}",
        instance_number=instance,
        shape=(2, 2),
        axes=axes,
        spacing_mm=np.array([1.0, 1.0]),
        position=np.array(position),
        thickness_mm=None,
        acquisition_key=(None, None),
    )


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
    axes = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    stack = [placement((0, 0, 3.0 * k), axes, k) for k in range(5)]
    one, two = order_slices(stack, "s"), order_slices(stack[::-1], "s")
    assert one.indexes == [0, 1, 2, 3, 4]
    assert two.indexes == [4, 3, 2, 1, 0]
    assert np.array_equal(one.affine, two.affine)


def test_positions_printed_with_noise_are_not_repeats() -> None:
    axes = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    stack = [placement((0, 0, z), axes, k) for k, z in enumerate([0.0, 3.0004, 5.9996, 9.0])]
    assert order_slices(stack, "s").notes == ()


def test_a_slice_without_number_gives_way_to_one_with() -> None:
    axes = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    stack = [placement((0, 0, 0), axes, None), placement((0, 0, 0), axes, 7), placement((0, 0, 3), axes, 8)]
    assert order_slices(stack, "s").indexes == [1, 2]


def test_the_grid_steps_along_slices_rows_and_columns() -> None:
    affine = grid_affine(
        np.array([1.0, 2.0, 3.0]), np.array([0, 0, 5.0]), np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.array([2.0, 4.0])
    )
    assert (affine @ [1, 1, 1, 1]).tolist() == [1 + 4, 2 + 2, 3 + 5, 1]
