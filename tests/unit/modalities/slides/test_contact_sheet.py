"""All slides in one picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mgi.modalities.slides import contact_sheet
from mgi.modalities.slides.contact_sheet import SIDE, thumbnail_of, thumbnail_of_places, write_sheet

GREEN = (10, 200, 90)  # which no letter has


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


def test_a_sheet_holds_all_and_says_what_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = thumbnail_of(
        np.full((30, 30, 3), GREEN, np.uint8), np.ones((30, 30), bool), "a\nname of more than 24 letters", 3
    )
    assert "\n" not in one.words[0]
    write_sheet(tmp_path / "a.png", [one] * 10)
    write_sheet(tmp_path / "b.png", [one] * 10)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as sheet:
        pixels = np.asarray(sheet)
        assert sheet.info == {}
    assert (pixels == GREEN).all(2).sum() == 10 * one.pixels.shape[0] * one.pixels.shape[1]
    monkeypatch.setattr(contact_sheet, "MOST", 4)
    write_sheet(tmp_path / "c.png", [one] * 10)
    with Image.open(tmp_path / "c.png") as sheet:
        assert (np.asarray(sheet) == GREEN).all(2).sum() == 4 * one.pixels.shape[0] * one.pixels.shape[1]
