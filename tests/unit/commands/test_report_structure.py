"""How the report is built: what comes first, frames of tables, captions, addresses, the slice viewer."""

import json
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from made_up_report import build

VOID = {"meta", "link", "img", "br", "hr", "input", "source"}
MOST_OF_VIEWER = 5_000_000


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return (build(tmp_path_factory.mktemp("results"), simulated=True) / "report.html").read_text()


class Tree(HTMLParser):
    """Each start tag with its attributes and the tags and classes that it lies in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.seen: list[tuple[str, dict[str, str], list[tuple[str, str]]]] = []
        self.unclosed: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.seen.append((tag, named, [*self.open]))
        if tag not in VOID:
            self.open.append((tag, named.get("class", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, {name: value or "" for name, value in attrs}, [*self.open]))

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1][0] != tag:
            self.unclosed.append(f"{self.open[-1][0]} closed by {tag}")
        self.open.pop()

    def of(self, tag: str) -> list[tuple[dict[str, str], list[tuple[str, str]]]]:
        return [(attrs, inside) for name, attrs, inside in self.seen if name == tag]


@pytest.fixture(scope="module")
def tree(html: str) -> Tree:
    return Tree(html)


def test_every_tag_is_closed_by_its_own(tree: Tree) -> None:
    assert (tree.unclosed, tree.open) == ([], [])


def test_the_result_opens_with_three_rows_own_genes_the_best_other_and_another_patient_s(html: str) -> None:
    first = html[html.index('<section id="result">') :]
    assert first.index('<table class="key">') < first.index('<p class="lead">')
    (body,) = re.findall(r"<tbody>(.*?)</tbody>", first[: first.index('<p class="lead">')], re.DOTALL)
    rows = [
        [re.sub(r"<[^>]*>", "|", cell).strip("|") for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", unescape(row))]
        for row in body.split("</tr>")[:-1]
    ]
    assert [row[0] for row in rows] == ["MGI", "DeepLabv3+|the best other network", "MGI|the same trained model"]
    assert [row[1] for row in rows] == ["own genes", "no genes", "another patient's genes"]
    assert rows[0][3] == "–"
    assert all(re.fullmatch(r"\+0\.\d{3}\|\+0\.\d{3} to \+0\.\d{3}", row[3]) for row in rows[1:])
    assert {row[4] for row in rows} == {"20"}


def test_every_table_has_a_frame_that_scrolls_and_as_many_cells_a_row_as_heads(html: str, tree: Tree) -> None:
    frames = [inside[-1] for _, inside in tree.of("table")]
    assert set(frames) == {("div", "scroll")}
    for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
        counts = {len(re.findall(r"<t[hd][ >]", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)}
        assert len(counts) == 1, table[:200]


def test_every_figure_has_words_for_who_does_not_see_it_and_a_caption(html: str, tree: Tree) -> None:
    assert all(attrs["alt"].endswith(", simulated") and ("figure", "") in inside for attrs, inside in tree.of("img"))
    assert html.count("<figure>") == html.count("<figcaption>") == len(tree.of("img"))


def test_ids_are_given_once_and_every_link_of_the_page_finds_its_own(tree: Tree) -> None:
    ids = Counter(attrs["id"] for _, attrs, _ in tree.seen if "id" in attrs)
    assert max(ids.values()) == 1
    links = [attrs["href"].removeprefix("#") for attrs, _ in tree.of("a")]
    assert {"result", "patients", "masks", "genes"} <= set(links) <= set(ids)


def test_headings_go_down_one_level_at_a_time(tree: Tree) -> None:
    levels = [int(tag[1]) for tag, _, _ in tree.seen if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_scripts_stand_in_the_page_and_parse_as_pairs_of_brackets(html: str, tree: Tree) -> None:
    assert all("src" not in attrs for attrs, _ in tree.of("script"))
    for script in re.findall(r"<script>(.*?)</script>", html, re.DOTALL):
        assert all(script.count(one) == script.count(other) for one, other in ("()", "[]", "{}"))


def test_the_viewer_has_every_slice_and_mask_of_each_patient_within_its_size(html: str, tree: Tree) -> None:
    start = html.index('<div class="viewer">')
    viewer = html[start : html.index("</section>", start)]
    assert len(viewer) < MOST_OF_VIEWER
    shown = [attrs["data-patient"] for attrs, _ in tree.of("div") if "data-patient" in attrs]
    options = [attrs["value"] for attrs, inside in tree.of("option") if ("select", "") in inside]
    assert len(shown) == 5
    assert shown == options
    masks = [attrs["value"] for attrs, _ in tree.of("input") if attrs.get("type") == "checkbox"]
    assert masks == ["true mask", "MGI, own genes", "MGI, another's genes", "U-Net"]
    for paths in re.findall(r'<script type="application/json">(.*?)</script>', viewer):
        outlines = json.loads(paths)
        assert list(outlines) == masks
        assert {len(slices) for slices in outlines.values()} == {10}
        assert any(outlines["true mask"])
    assert viewer.count("SIMULATED") == len(shown)


def test_only_the_first_patient_of_the_viewer_is_seen_before_a_choice(tree: Tree) -> None:
    hidden = ["hidden" in attrs for attrs, _ in tree.of("div") if "data-patient" in attrs]
    assert hidden == [False, True, True, True, True]


def test_the_same_results_give_the_same_bytes(html: str, tmp_path: Path) -> None:
    assert (build(tmp_path / "again", simulated=True) / "report.html").read_text() == html
