"""Many slides in one picture, and the pictures of parts joined."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mgi.core.errors import IntegrityError
from mgi.shards import contact_sheet
from mgi.shards.contact_sheet import Thumbnail, join_sheets, write_sheet

GREEN = (10, 200, 90)  # which no letter has


def square(name: str, side: int = 30) -> Thumbnail:
    return Thumbnail(pixels=np.full((side, side, 3), GREEN, np.uint8), words=(name, "3 tiles"))


def green(path: Path) -> int:
    with Image.open(path) as sheet:
        return int((np.asarray(sheet) == GREEN).all(2).sum())


def test_a_sheet_holds_all_and_says_what_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png"):
        write_sheet(tmp_path / name, [square("P1")] * 10)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.info == {}
    assert green(tmp_path / "a.png") == 10 * 30 * 30
    monkeypatch.setattr(contact_sheet, "MOST", 4)
    write_sheet(tmp_path / "c.png", [square("P1")] * 10)
    assert green(tmp_path / "c.png") == 4 * 30 * 30


@pytest.mark.parametrize("most", [1000, 5])
def test_joined_sheets_are_the_sheet_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(contact_sheet, "MOST", most)
    all_slides = [square(f"P{number}", side=160 - 9 * number) for number in range(13)]
    parts: dict[int, list[int]] = {0: [1, 2, 5, 11], 1: [], 2: [0, 3, 4, 6, 7, 8, 9, 10, 12]}
    places = {}
    for part, numbers in parts.items():
        write_sheet(tmp_path / f"{part}.png", [all_slides[number] for number in numbers])
        places |= {number: (tmp_path / f"{part}.png", place) for place, number in enumerate(numbers)}
    join_sheets(tmp_path / "joined.png", [places[number] for number in range(13)])
    write_sheet(tmp_path / "all.png", all_slides)
    assert (tmp_path / "joined.png").read_bytes() == (tmp_path / "all.png").read_bytes()


def test_a_damaged_sheet_is_named(tmp_path: Path) -> None:
    write_sheet(tmp_path / "part-1-of-1.png", [square("P1")])
    data = (tmp_path / "part-1-of-1.png").read_bytes()
    for damaged in (b"", data[:200], data[: len(data) // 2]):
        (tmp_path / "part-1-of-1.png").write_bytes(damaged)
        with pytest.raises(IntegrityError, match=r"part-1-of-1\.png: not a PNG"):
            join_sheets(tmp_path / "a.png", [(tmp_path / "part-1-of-1.png", 0)])
    assert not (tmp_path / "a.png").exists()
