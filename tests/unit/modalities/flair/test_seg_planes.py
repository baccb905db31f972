import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.seg_planes import SegPlanes, planes_of

AXES, SPACING = np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.array([1.0, 1.0])


def planes(heights: list[float], *stated: float, drift_mm: float = 0.0) -> SegPlanes:
    """One drawn pixel a frame."""
    frames = np.ones((len(heights), 1, 1), bool)
    positions = [np.array([drift_mm * k, 0.0, z]) for k, z in enumerate(heights)]
    return planes_of(frames, positions, AXES, SPACING, stated)


def image_affine(step_mm: float, first_mm: float = 0.0) -> np.ndarray:
    affine = np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
    affine[2, 0], affine[2, 3] = step_mm, first_mm
    return affine


@pytest.mark.parametrize("stated", [(1.0,), (2.5, 1.0), (5.0,), (), (7.0,), (0.0,)])
def test_the_step_is_that_of_the_frames_whatever_is_stated(stated: tuple[float, ...]) -> None:
    mask, affine = planes([0.0, 5.0, 10.0, 20.0, 25.0], *stated).grid("x")
    assert mask.ravel().tolist() == [1, 1, 1, 0, 1, 1]
    assert affine[2, 0] == 5.0


def test_two_places_alone_are_believed_what_they_state() -> None:
    assert planes([0.0, 15.0], 5.0).grid("x")[0].ravel().tolist() == [1, 0, 0, 1]
    assert planes([0.0, 15.0]).grid("x")[0].ravel().tolist() == [1, 1]


def test_gaps_of_two_and_three_steps_need_the_stated_one() -> None:
    assert planes([0.0, 10.0, 25.0], 5.0).grid("x")[0].ravel().tolist() == [1, 0, 1, 0, 0, 1]
    with pytest.raises(BadInputError, match=r"x: ImagePositionPatient: .*not evenly"):
        planes([0.0, 10.0, 25.0]).grid("x")


def test_frames_off_their_place_by_more_than_a_tenth_are_refused() -> None:
    assert planes([0.0, 5.0, 10.4, 15.0]).grid("x")[0].sum() == 4
    with pytest.raises(BadInputError, match="not evenly"):
        planes([0.0, 5.0, 11.0, 15.0]).grid("x")


def test_frames_that_lean_are_placed_where_they_lean() -> None:
    _, affine = planes([0.0, 5.0, 10.0], drift_mm=2.0).grid("x")
    assert (affine @ [2, 0, 0, 1])[:3].tolist() == [4.0, 0.0, 10.0]


def test_on_the_image_that_they_were_drawn_on_frames_take_its_step() -> None:
    one = planes([5.0, 15.0, 25.0], 10.0)
    found = one.grid_of_image(image_affine(5.0), 10, "x")
    assert found is not None
    assert found[0].ravel().tolist() == [1, 0, 1, 0, 1]
    assert one.grid_of_image(image_affine(5.0, 2.0), 10, "x") is None  # between its slices
    assert one.grid_of_image(image_affine(5.0), 4, "x") is None  # beyond its last


def test_frames_at_one_place_are_one_plane() -> None:
    frames = np.array([[[1, 0]], [[0, 1]], [[0, 0]]], bool)
    found = planes_of(frames, [np.array([0, 0, z]) for z in (5.0, 5.0, 0.0)], AXES, SPACING, (5.0, None))
    assert found.drawn.tolist() == [[[0, 0]], [[1, 1]]]
    assert found.offsets_mm.tolist() == [0.0, 5.0]


def test_planes_that_would_be_too_many_are_refused() -> None:
    with pytest.raises(BadInputError, match="expected at most 5000"):
        planes([0.0, 1.0, 1e6]).grid("x")
