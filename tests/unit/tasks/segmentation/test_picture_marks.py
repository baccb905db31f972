import numpy as np
import pytest

from mgi.tasks.segmentation.picture_marks import Marks, marks_of


def affine(along_columns: tuple[float, float, float]) -> np.ndarray:
    """From (slice, row, column, 1) to LPS mm; the other directions do not matter."""
    grid = np.eye(4)
    grid[:3, 2] = along_columns
    return grid


@pytest.mark.parametrize(
    ("along", "sides"),
    [
        ((1.0, 0.0, 0.0), ("R", "L")),  # x grows to the left of the patient, who looks at us: left is on the right
        ((-1.0, 0.1, 0.0), ("L", "R")),
        ((0.2, 0.9, 0.0), ("A", "P")),
        ((0.0, 0.0, -2.0), ("S", "I")),
    ],
)
def test_the_sides_are_those_at_which_a_row_of_pixels_begins_and_ends(along: tuple, sides: tuple) -> None:
    marks = marks_of(affine(along), (1.0, 1.0))
    assert (marks.left, marks.right) == sides


def test_without_geometry_nothing_is_marked() -> None:
    assert marks_of(None, None) == Marks()
    assert Marks().bar(256) is None
    assert Marks().stretch == 1.0


def test_a_bar_is_a_round_length_of_a_third_of_the_picture_at_most() -> None:
    assert Marks(column_mm=0.5).bar(256) == (20, 40.0)
    assert Marks(column_mm=1.0).bar(200) == (50, 50.0)
    assert Marks(column_mm=5.0).bar(3) == (10, 2.0)
    assert marks_of(affine((1, 0, 0)), (2.0, 1.0)).stretch == 2.0
