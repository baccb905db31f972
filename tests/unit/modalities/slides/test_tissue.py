"""Colour is tissue; glass, black borders and ink are not."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgi.modalities.slides.tissue import otsu, tissue_of

GLASS, PINK, PURPLE = (243, 243, 243), (225, 150, 200), (90, 60, 130)
INKS = {"blue": (30, 60, 160), "green": (20, 120, 60), "red": (200, 30, 40), "dark red": (140, 20, 25)}
BLOOD, BROWN = (190, 60, 95), (130, 85, 55)


def slide(colour: tuple[int, int, int] = PINK) -> np.ndarray:
    pixels = np.full((40, 60, 3), GLASS, np.uint8)
    pixels[10:30, 20:45] = colour
    return pixels


@pytest.mark.parametrize("colour", [PINK, PURPLE, BLOOD, BROWN])
def test_the_stained_square_is_the_tissue(colour: tuple[int, int, int]) -> None:
    found = tissue_of(slide(colour))
    expected = np.zeros((40, 60), bool)
    expected[10:30, 20:45] = True
    assert (found.mask != expected).sum() <= 12  # the median rounds corners
    assert (found.pen, found.black) == (0.0, 0.0)


@pytest.mark.parametrize("ink", INKS.values(), ids=INKS)
def test_ink_is_counted_and_is_no_tissue(ink: tuple[int, int, int]) -> None:
    pixels = slide()
    pixels[0:6] = ink
    found = tissue_of(pixels)
    assert not found.mask[:8].any()
    assert found.mask[14:26, 24:40].all()
    assert found.pen == pytest.approx(6 / 40)
    assert not tissue_of(np.full((20, 20, 3), ink, np.uint8)).mask.any()


def test_the_pale_rim_of_red_ink_is_ink_and_the_same_colour_elsewhere_is_not() -> None:
    pixels, pale = slide(), (238, 190, 192)
    pixels[0:8] = pale
    pixels[2:5] = INKS["red"]
    assert tissue_of(pixels).pen == pytest.approx(8 / 40)
    assert tissue_of(slide(pale)).pen == 0


def test_black_is_counted_and_is_no_tissue() -> None:
    pixels = slide()
    pixels[:, :10] = (9, 2, 4)  # saturated, as black is by its noise
    found = tissue_of(pixels)
    assert not found.mask[:, :10].any()
    assert found.black == pytest.approx(1 / 6)


@pytest.mark.parametrize("grey", [0, 30, 120, 200, 243, 255])
def test_a_grey_slide_has_no_tissue_whatever_its_noise(grey: int) -> None:
    noise = np.random.default_rng(0).normal(grey, 2, (50, 50, 3))
    assert not tissue_of(np.clip(noise, 0, 255).astype(np.uint8)).mask.any()


def test_a_slide_that_tissue_fills_is_all_tissue() -> None:
    rng = np.random.default_rng(0)
    pixels = np.where(rng.random((50, 50, 1)) < 0.3, PURPLE, PINK) + rng.integers(-3, 4, (50, 50, 3))
    assert tissue_of(pixels.astype(np.uint8)).mask.all()


def test_specks_are_left_out_and_small_holes_are_closed() -> None:
    pixels = slide()
    pixels[2, 2] = PINK
    pixels[20:22, 30] = GLASS
    mask = tissue_of(pixels).mask
    assert not mask[:6, :6].any()
    assert mask[20:22, 30].all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=2, max_size=200))
def test_otsu_has_the_least_variance_within_of_all_thresholds(values: list[int]) -> None:
    array = np.array(values, np.uint8)
    if len(set(values)) == 1:
        assert otsu(array) == 0
        return

    def within(threshold: int) -> float:
        groups = (array[array <= threshold], array[array > threshold])
        return sum(float(one.astype(float).var()) * len(one) for one in groups if len(one))

    best = min(within(one) for one in range(255) if (array <= one).any() and (array > one).any())
    opencvs, _ = cv2.threshold(array[None], 0, 255, cv2.THRESH_OTSU)
    for found in (otsu(array), int(opencvs)):
        assert within(found) == pytest.approx(best, abs=1e-6)


def test_nothing_to_split_has_threshold_zero() -> None:
    assert otsu(np.array([], np.uint8)) == 0
