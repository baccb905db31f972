"""The report's part on slides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.explain.tile_attention_file import TileAttention, read_tile_attention, write_tile_attention
from mgi.reporting.attention_figure import views_of
from mgi.reporting.bags_section import BagsInput, bags_section
from mgi.shards.bags import OpenBags, open_bags
from mgi.shards.contact_sheet import Thumbnail, pictures_in, write_sheet
from slide_study import TILES, bag_of, write_bags

PATIENTS = [f"P{number}" for number in range(10)]
RUN = Run(task="classification", method="mgi", inputs=("slides", "rna"), fold=0, seed=0, target="grade")
CASES = [
    ("mgi", "own", 0.9), ("mgi-no-image", "own", 0.8), ("mgi-no-genes", "not_used", 0.7),
    ("mgi", "image_permuted", 0.6), ("mgi-no-genes", "image_permuted", 0.5), ("mgi", "null_token", 0.4),
]  # fmt: skip


@pytest.fixture
def shard(tmp_path: Path) -> OpenBags:
    folder = tmp_path / "slides"
    folder.mkdir()
    write_bags(folder, [bag_of(patient, number) for number, patient in enumerate(PATIENTS)])
    opened = open_bags(folder)
    sizes = {"width": 2048, "height": 1024, "mpp": 0.25}
    slides = opened.slides.to_pandas().assign(**sizes)
    pictures = [np.full((80, 160, 3), number, np.uint8) for number in range(len(PATIENTS))]
    write_sheet(folder / "slides.png", [Thumbnail(pixels=one, words=("P", "24 tiles")) for one in pictures])
    return replace(opened, slides=pa.Table.from_pandas(slides, schema=opened.slides.schema, preserve_index=False))


def attention_of(shares: dict[str, list[float]]) -> list[TileAttention]:
    return [
        TileAttention(patient, f"{patient}-DX1", tile, 256 * (tile % 5), 256 * (tile // 5), share)
        for patient, own in shares.items()
        for tile, share in enumerate(own)
    ]


@pytest.fixture
def attention(tmp_path: Path) -> Path:
    alike, first = [1 / TILES] * TILES, [1.0] + [0.0] * (TILES - 1)
    write_tile_attention(tmp_path / "a.parquet", attention_of({"P3": first, "P4": alike, "P5": alike}), RUN, [])
    return tmp_path / "a.parquet"


def given(shard: OpenBags, attention: list[Path], sheet: Path) -> BagsInput:
    results = pd.DataFrame(
        [
            {"method": method, "expression_input": given, "definition": "auc", "mean": mean, "low": mean, "high": mean,
             "n": 5, "circular": "grade is read off rna" if method != "mgi-no-genes" else np.nan}
            for method, given, mean in CASES
        ]
    )  # fmt: skip
    return BagsInput(
        bags=shard, sheet=sheet, attention=attention, results=results, headline="auc", score="AUC", simulated=True
    )


def test_inputs_stand_side_by_side_and_circular_ones_are_marked(
    shard: OpenBags, attention: Path, tmp_path: Path
) -> None:
    html = bags_section(given(shard, [attention], tmp_path / "slides/slides.png")).html
    rows = html.split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]
    assert [row.split("<td>")[1].split("<")[0] for row in rows] == ["0.900", "0.800", "0.700", "0.600", "0.500"]
    assert ["circular" in row for row in rows] == [True, True, False, True, False]
    assert f"10 slides with {TILES} tiles each" in html
    assert "half of the attention is on 50 % of a patient" in html, "the median of 1/24, 1/2 and 1/2"


def test_without_attention_there_is_no_picture_of_it(shard: OpenBags, tmp_path: Path) -> None:
    found = bags_section(given(shard, [], tmp_path / "slides/slides.png"))
    assert found.figures["tile_attention"] is None
    assert "Where the slide encoder looks" not in found.html


def test_tiles_lie_where_they_are_on_the_slide(shard: OpenBags, attention: Path, tmp_path: Path) -> None:
    views = views_of(
        read_tile_attention(attention), shard.slides.to_pandas(), shard.stated, tmp_path / "slides/slides.png"
    )
    assert [view.name for view in views] == ["P3", "P4", "P5"]
    assert [int(view.picture[0, 0, 0]) for view in views] == [3, 4, 5], "the picture is that of the slide"
    assert views[0].picture.shape == (80, 160, 3)
    assert views[0].side == 512, "256 pixels of 0.5 µm are 512 of 0.25 µm"
    assert views[0].size == (2048, 1024)
    assert views[0].times[:2].tolist() == [TILES, 0]
    assert views[1].times == pytest.approx(1)


def test_a_picture_is_cut_out_without_the_white_beside_it(tmp_path: Path) -> None:
    pictures = [np.full((30 + number, 40, 3), 10 * number, np.uint8) for number in range(10)]
    write_sheet(tmp_path / "sheet.png", [Thumbnail(pixels=one, words=("", "")) for one in pictures])
    for number, found in zip((9, 0), pictures_in(tmp_path / "sheet.png", [9, 0]), strict=True):
        assert np.array_equal(found, pictures[number])


def test_attention_that_does_not_add_up_is_refused(tmp_path: Path) -> None:
    write_tile_attention(tmp_path / "a.parquet", attention_of({"P1": [0.5, 0.5], "P2": [0.5, 0.1]}), RUN, [])
    with pytest.raises(BadInputError, match=r"P2: attention: found a sum of 0\.6000, expected 1"):
        read_tile_attention(tmp_path / "a.parquet")


def test_a_slide_whose_size_nobody_knows_is_not_drawn(shard: OpenBags, attention: Path, tmp_path: Path) -> None:
    slides = shard.slides.to_pandas()
    slides.loc[slides["patient_id"] == "P4", "width"] = None
    views = views_of(read_tile_attention(attention), slides, shard.stated, tmp_path / "slides/slides.png")
    assert [view.name for view in views] == ["P3", "P5"]
