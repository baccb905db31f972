import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from mgi.tasks.segmentation import viewer as module
from mgi.tasks.segmentation.overlays import OverlayCase, Panel
from mgi.tasks.segmentation.picture_marks import Marks
from mgi.tasks.segmentation.viewer import TRUTH, as_bytes, body_window, mosaic, outline, shown_case, viewer

OWN = Panel("mgi", "own")


def case(*, marks: Marks | None = None, side: int = 40, slices: int = 5) -> OverlayCase:
    """A bright disc in the dark, with a square for the true mask, and a prediction that is a row too low."""
    y, x = np.mgrid[:side, :side]
    body = ((y - side / 2) ** 2 + (x - side / 2) ** 2 < (side / 3) ** 2) * 500
    noise = np.random.default_rng(0).integers(0, 200, (slices, side, side))
    truth = np.zeros((slices, side, side), bool)
    truth[2, 18:22, 16:20] = True
    probability = np.where(np.roll(truth, 1, axis=1), 255, 0).astype(np.uint8)
    return OverlayCase("best", "TCGA-CS-4900", (body + noise * (body > 0)), truth, {OWN: probability}, marks or Marks())


def drawn(path: str, shape: tuple[int, int]) -> set[tuple[str, int, int]]:
    """The unit edges that a path draws: h or v, and where each begins."""
    edges = set()
    for x, y, way, length in re.findall(r"M(\d+) (\d+)([hv])(\d+)", path):
        for step in range(int(length)):
            edges.add((way, int(x) + step * (way == "h"), int(y) + step * (way == "v")))
    return edges


@pytest.mark.parametrize("seed", range(3))
def test_an_outline_is_every_edge_between_the_mask_and_what_is_not_once(seed: int) -> None:
    mask = np.random.default_rng(seed).random((6, 9)) < 0.5
    expected = set()

    def inside(y: int, x: int) -> bool:
        return 0 <= y < 6 and 0 <= x < 9 and bool(mask[y, x])

    for y in range(7):
        for x in range(10):
            if x < 9 and inside(y, x) != inside(y - 1, x):
                expected.add(("h", x, y))
            if y < 6 and inside(y, x) != inside(y, x - 1):
                expected.add(("v", x, y))
    assert drawn(outline(mask), mask.shape) == expected
    assert outline(np.zeros((3, 3), bool)) == ""


def test_a_slice_of_the_mosaic_lies_where_the_page_looks_for_it() -> None:
    pixels = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
    whole = mosaic(pixels, across=2)
    assert whole.shape == (6, 6)
    for index in range(5):
        row, column = divmod(index, 2)
        assert (whole[2 * row : 2 * row + 2, 3 * column : 3 * column + 3] == pixels[index]).all()
    assert not whole[4:, 3:].any()


def test_the_window_holds_the_body_of_all_slices_and_cuts_the_dark_around_it() -> None:
    pixels = np.zeros((2, 30, 30), np.uint8)
    pixels[0, 10:15, 10:15] = pixels[1, 12:20, 8:13] = 99
    rows, columns = body_window(pixels)
    assert (rows, columns) == (slice(8, 22), slice(6, 17))
    assert body_window(np.full((1, 4, 4), 12, np.uint8)) == (slice(None), slice(None))


def test_grey_values_are_scaled_by_the_volume_and_not_by_the_slice() -> None:
    pixels = np.stack([np.full((8, 8), 10.0), np.full((8, 8), 20.0)])
    grey = as_bytes(pixels)
    assert (int(grey[0].max()), int(grey[1].min())) == (0, 255)


def test_a_patient_is_shown_with_outlines_in_the_frame_of_the_cut_picture() -> None:
    one = shown_case(case(), 10**6)
    assert one is not None
    paths = json.loads(one.paths)
    assert list(paths) == [TRUTH, "MGI, own genes"]
    rows, columns = body_window(as_bytes(case().pixels))
    assert f"M{16 - columns.start} {18 - rows.start}h4" in paths[TRUTH][2]
    assert f"M{16 - columns.start} {19 - rows.start}h4" in paths["MGI, own genes"][2]
    assert paths[TRUTH][0] == ""
    picture = Image.open(io.BytesIO(base64.b64decode(one.picture.split(",")[1])))
    assert picture.size == (one.cols * one.across, one.rows * one.down)
    assert one.scores == {"MGI, own genes": 0.75}


def test_less_room_costs_quality_then_size_then_the_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    large = shown_case(case(side=120), 10**6)
    assert large is not None
    small = shown_case(case(side=120), len(large.picture) // 3)
    assert small is not None
    assert (large.reduced, small.reduced > 1) == (1, True)
    assert len(small.picture) + len(small.paths) <= len(large.picture) // 3
    assert shown_case(case(side=120), 500) is None
    monkeypatch.setattr(module, "MOST_BYTES", 500)
    assert viewer([case()], simulated=False) is None


def test_sides_scale_bar_and_id_are_written_on_the_picture_where_they_are_known() -> None:
    known = viewer([case(marks=Marks("R", "L", 1.0, 1.0))], simulated=False) or ""
    said = re.findall(r"<text[^>]*>([^<]*)</text>", known)
    assert said == ["TCGA-CS-4900", "R", "L", "10 mm"]
    assert 'h10.0"' in known
    unknown = viewer([case()], simulated=True) or ""
    assert re.findall(r"<text[^>]*>([^<]*)</text>", unknown) == ["SIMULATED", "TCGA-CS-4900"]
    assert "does not say which side is the left" in unknown
    assert "no scale bar" in unknown


def test_pixels_that_are_not_square_are_stretched() -> None:
    text = viewer([case(marks=Marks("R", "L", 0.5, 1.0))], simulated=False) or ""
    assert 'transform="scale(1 2.0)"' in text


def test_a_name_cannot_end_the_script_that_holds_it() -> None:
    one = case()
    odd = OverlayCase(
        one.rank, one.patient_id, one.pixels, one.truth, {Panel("</script>", "not_used"): one.probability[OWN]}
    )
    text = viewer([odd], simulated=False) or ""
    assert text.count("</script>") == 2  # of the outlines and of the program
