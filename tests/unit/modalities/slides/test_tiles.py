"""Tiles lie on a grid of level 0 where tissue is, and are as large as they were asked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.slides.tiles import Place, TileForm, places_of, read_tiles, tissue_shares

pytest.importorskip("openslide")

from mgi.modalities.slides.reader import opened_slide

Make = Callable[..., object]


def test_shares_are_the_mean_of_the_mask_where_edges_lie_on_pixels() -> None:
    mask = np.random.default_rng(0).random((12, 18)) < 0.5
    expected = mask.reshape(4, 3, 6, 3).mean((1, 3))
    assert tissue_shares(mask, 3.0, (4, 6)) == pytest.approx(expected)


def test_a_pixel_that_an_edge_divides_counts_by_its_part() -> None:
    mask = np.zeros((4, 4), bool)
    mask[:, 1] = True
    assert tissue_shares(mask, 1.5, (2, 2))[0].tolist() == pytest.approx([0.5 / 1.5, 0.5 / 1.5])


def test_tissue_beyond_the_mask_is_none() -> None:
    assert tissue_shares(np.ones((2, 2), bool), 1.5, (2, 2)).tolist() == [
        pytest.approx([1.0, 1 / 3]),
        pytest.approx([1 / 3, 1 / 9]),
    ]


@pytest.mark.parametrize(("px", "mpp", "side"), [(64, 1.0, 64), (64, 2.0, 128), (50, 1.27, 64), (64, 0.8, 51)])
def test_a_tile_covers_a_whole_number_of_pixels_and_has_its_own_size(
    px: int, mpp: float, side: int, draw: Make, write: Make, tmp_path: Path
) -> None:
    form = TileForm(px=px, mpp=mpp, min_tissue=0.5)
    with opened_slide(write(tmp_path / "a.svs", draw())) as slide:  # type: ignore[arg-type]
        assert form.side_of(slide) == side
        places = places_of(slide, form, np.ones((64, 64), bool), 8)
        assert len(places) == (512 // side) ** 2
        assert [(one.y0, one.x0) for one in places] == sorted((one.y0, one.x0) for one in places)
        assert {one.x0 % side for one in places} == {0}
        shapes = {pixels.shape for _, pixels in read_tiles(slide, places[:3], form) if pixels is not None}
    assert shapes == {(px, px, 3)}


def test_a_tile_at_half_the_resolution_is_the_mean_of_four_pixels(draw: Make, write: Make, tmp_path: Path) -> None:
    drawn = draw()
    form = TileForm(px=32, mpp=2.0, min_tissue=0.5)
    with opened_slide(write(tmp_path / "a.svs", drawn)) as slide:  # type: ignore[arg-type]
        [(_, tile)] = read_tiles(slide, [Place(x0=128, y0=192, tissue=1.0)], form)
    cut = drawn.pixels[192:256, 128:192]  # type: ignore[attr-defined]
    assert tile is not None
    assert (
        np.abs(tile - cut.reshape(32, 2, 32, 2, 3).mean((1, 3))).max() <= 1
    )  # Pillow rounds once along rows and once along columns


def test_a_slide_that_is_too_coarse_for_the_tiles_is_refused(draw: Make, write: Make, tmp_path: Path) -> None:
    form = TileForm(px=64, mpp=0.5, min_tissue=0.5)
    with (
        opened_slide(write(tmp_path / "a.svs", draw())) as slide,  # type: ignore[arg-type]
        pytest.raises(BadInputError, match=r"^a\.svs: mpp: found 1, .*0\.625"),
    ):
        form.side_of(slide)
