"""One door to a slide file, and what it never reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError, ResourceError
from mgi.modalities.slides import reader
from mgi.modalities.slides.reader import DamagedRegionError, opened_slide

Make = Callable[..., Any]
ROOM = Path(reader.__file__).parent


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reader, "openslide", None)
    with (
        pytest.raises(ResourceError, match=r"^a\.svs: .*pip install (openslide|h5py)"),
        opened_slide(tmp_path / "a.svs"),
    ):
        pass


def test_only_the_reader_knows_openslide_and_nobody_reads_label_or_macro() -> None:
    texts = {path.name: path.read_text() for path in ROOM.rglob("*.py")}
    assert [name for name, text in texts.items() if "import openslide" in text] == ["reader.py"]
    assert not [name for name, text in texts.items() if "associated_images" in text]


def test_regions_are_the_drawn_pixels_and_what_lies_outside_is_white(draw: Make, write: Make, tmp_path: Path) -> None:
    pytest.importorskip("openslide")
    drawn = draw()
    with opened_slide(write(tmp_path / "a.svs", drawn)) as slide:
        assert (slide.width, slide.height, slide.mpp, slide.simulated) == (512, 512, 1.0, True)
        assert (slide.pixels(100, 50, (80, 60)) == drawn.pixels[50:110, 100:180]).all()
        edge = slide.pixels(500, 0, (24, 8))
    assert (edge[:, :12] == drawn.pixels[:8, 500:]).all()
    assert (edge[:, 12:] == 255).all()


def test_after_a_damaged_region_the_others_are_still_read(draw: Make, write: Make, tmp_path: Path) -> None:
    pytest.importorskip("openslide")
    drawn = draw()
    with opened_slide(write(tmp_path / "a.svs", drawn, tile=128, garbled=1)) as slide:
        bad = []
        for top in range(0, 512, 128):
            for left in range(0, 512, 128):
                try:
                    found = slide.pixels(left, top, (128, 128))
                except DamagedRegionError as error:
                    bad.append(str(error).split(" of level 0")[0] == f"a.svs: region at {left}, {top}")
                else:
                    assert np.array_equal(found, drawn.pixels[top : top + 128, left : left + 128])
    assert bad == [True]


def test_a_slide_longer_than_any_glass_is_refused(draw: Make, write: Make, tmp_path: Path) -> None:
    pytest.importorskip("openslide")
    path = write(tmp_path / "a.svs", draw())
    said = r"^a\.svs: 512 x 512 pixels of 1000 µm: found 512 mm, expected at most 400 mm of glass$"
    with pytest.raises(BadInputError, match=said), opened_slide(path, mpp=1000.0):
        pass


def test_a_file_that_is_not_there_or_no_slide_is_named(tmp_path: Path) -> None:
    pytest.importorskip("openslide")
    (tmp_path / "text.svs").write_text("no slide")
    for name, said in (("none.svs", "missing"), ("text.svs", "not read by OpenSlide")):
        with pytest.raises(BadInputError, match=rf"{name}: {said}"), opened_slide(tmp_path / name):
            pass
