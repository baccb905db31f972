"""The small picture of one slide."""

import numpy as np
import pytest

from mgi.modalities.slides.thumbnails import thumbnail_of, thumbnail_of_places
from mgi.shards.contact_sheet import SIDE


@pytest.mark.parametrize("shape", [(20, 30), (400, 300), (1, 900)])
def test_a_small_picture_fits_and_darkens_what_is_no_tissue(shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, bool)
    mask[:, : shape[1] // 2] = True
    found = thumbnail_of(np.full((*shape, 3), 200, np.uint8), mask, "P1", 7)
    assert max(found.pixels.shape[:2]) <= SIDE
    assert max(found.pixels.shape[:2]) > SIDE / 2
    assert (found.pixels[0, 0, 0], found.pixels[0, -1, 0]) == (200, 70)
    assert found.words == ("P1", "7 tiles")


def test_places_are_white_squares() -> None:
    found = thumbnail_of_places(np.array([[512, 256], [1024, 256], [512, 768]]), "P1").pixels
    half = (found.shape[0] // 2, found.shape[1] // 2)
    corners = [found[0, 0, 0], found[0, -1, 0], found[half[0] + 1, 0, 0], found[-1, -1, 0]]
    assert [int(one) for one in corners] == [255, 255, 255, 0]
    assert thumbnail_of_places(np.array([[7, 9]]), "P1").pixels.min() == 255


def test_a_name_is_cut_and_has_no_line_of_its_own() -> None:
    found = thumbnail_of(np.zeros((3, 3, 3), np.uint8), np.ones((3, 3), bool), "a\nname of more than 24 letters", 3)
    assert found.words[0].startswith("a name of more than 24 l…")
