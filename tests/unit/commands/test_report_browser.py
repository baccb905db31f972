"""The report in a real browser, where MGI_BROWSER names one (Chromium or Chrome): what its scripts do, what fits."""

import json
import os
import re
import subprocess
from html import unescape
from pathlib import Path

import pytest

from made_up_report import build

BROWSER = os.environ.get("MGI_BROWSER")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="MGI_BROWSER names no browser")
HEADLESS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--virtual-time-budget=5000", "--dump-dom",
)  # fmt: skip
ACT = """<script>
const said = {};
const all = (where, what) => [...where.querySelectorAll(what)];
const table = document.querySelector("#dice table");
const means = () => [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[1].textContent));
const heads = all(table, "thead button");
said.first = means(); heads[1].click(); said.down = means(); heads[1].click(); said.up = means(); heads[1].click();
said.again = means();
const one = document.querySelector(".case:not([hidden])");
const slider = one.querySelector("input"), svg = one.querySelector("svg");
const outline = () => one.querySelector('[data-mask="true mask"]').getAttribute("d") || "";
slider.value = 5; slider.dispatchEvent(new Event("input"));
said.picture = ["x", "y"].map((name) => one.querySelector("image").getAttribute(name));
said.outline = outline().length;
svg.dispatchEvent(new WheelEvent("wheel", {deltaY: -1, cancelable: true})); said.wheel = slider.value;
svg.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown"})); said.key = slider.value;
document.querySelector('.viewer input[value="true mask"]').click(); said.off = outline().length;
const choice = document.querySelector(".viewer select");
choice.selectedIndex = 2; choice.dispatchEvent(new Event("change"));
said.seen = all(document, ".case").map((each) => !each.hidden);
setTimeout(() => {
  said.cut = all(document, ".scroll:not(.fits)").map((frame) => frame.querySelector("th").textContent);
  said.sideways = document.documentElement.scrollWidth - innerWidth;
  document.body.textContent = JSON.stringify(said);
}, 1000);
</script></body>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build(tmp_path_factory.mktemp("results"), simulated=True)
    acting = folder / "acting.html"
    acting.write_text((folder / "report.html").read_text().replace("</body>", ACT))
    return acting


def said(page: Path, width: int, folder: Path) -> dict:
    """What the page says of itself in a window of this width in pixels."""
    assert BROWSER is not None
    options = [*HEADLESS, f"--user-data-dir={folder}", f"--window-size={width},2000", page.as_uri()]
    done = subprocess.run([BROWSER, *options], capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"<body>(\{.*\})</body>", done.stdout)
    assert found is not None, done.stdout[-500:]
    return json.loads(unescape(found[1]))


def test_at_1280_pixels_every_table_shows_all_its_columns(page: Path, tmp_path: Path) -> None:
    found = said(page, 1280, tmp_path)
    assert (found["cut"], found["sideways"] <= 0) == ([], True)


def test_a_narrow_page_does_not_move_sideways(page: Path, tmp_path: Path) -> None:
    assert said(page, 500, tmp_path)["sideways"] <= 0


def test_a_head_sorts_down_then_up_then_as_it_was(page: Path, tmp_path: Path) -> None:
    found = said(page, 1280, tmp_path)
    assert found["down"] == sorted(found["first"], reverse=True)
    assert found["up"] == sorted(found["first"])
    assert found["again"] == found["first"] != found["down"]


def test_the_viewer_moves_by_slider_wheel_and_key_and_hides_a_mask(page: Path, tmp_path: Path) -> None:
    found = said(page, 1280, tmp_path)
    x, y = (int(value) for value in found["picture"])
    assert (x, y < 0) == (0, True)  # the fifth of ten slices is the first of the mosaic's second row
    assert (found["wheel"], found["key"]) == ("6", "5")
    assert (found["outline"] > 0, found["off"]) == (True, 0)
    assert found["seen"] == [False, False, True, False, False]
