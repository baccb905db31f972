"""Slides as archives and users have them: what is right is surveyed, what is wrong ends in an error that names it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refused_slides import REFUSED

from mgi.core.errors import BadInputError
from mgi.modalities.slides.tiles import TileForm
from mgi_standin.simulation.slides_broken import CASES, write_case

pytest.importorskip("openslide")

from mgi.modalities.slides.reader import opened_slide
from mgi.modalities.slides.survey import Survey, count_bad_tiles, survey_of

Make = Callable[..., Any]


def surveyed(path: Path, form: TileForm, mpp: float | None = None) -> Survey:
    with opened_slide(path, mpp) as slide:
        found = survey_of(slide, form, min_tiles=4)
        count_bad_tiles(slide, found.places, form)
    return found


def micrometres(found: Survey, mpp: float) -> set[tuple[int, int]]:
    return {(round(one.x0 * mpp), round(one.y0 * mpp)) for one in found.places}


@pytest.mark.parametrize("case", CASES)
def test_each_slide_is_surveyed_or_refused_by_its_name(case: str, form: TileForm, draw: Make, tmp_path: Path) -> None:
    path = tmp_path / f"{case}.svs"
    write_case(path, case, draw())
    if case in REFUSED:
        with pytest.raises(BadInputError, match=rf"^{case}\.svs: {REFUSED[case]}"):
            surveyed(path, form)
        return
    usual = tmp_path / "usual.svs"
    write_case(usual, "whole", draw())
    found, expected = surveyed(path, form), surveyed(usual, form)
    differing = micrometres(found, 1.0) ^ micrometres(expected, 1.0)
    # Ink takes the upper tiles; JPEG moves one whose tissue is near the threshold.
    assert differing <= {place for place in micrometres(expected, 1.0) if place[1] < 100} or len(differing) <= 1
    assert (found.tissue.pen > 0.02) == (case == "pen-marked")


@pytest.mark.parametrize("case", ["no-mpp", "magnification-without-mpp", "huge-mpp"])
def test_a_resolution_that_the_user_names_is_believed(case: str, form: TileForm, draw: Make, tmp_path: Path) -> None:
    write_case(tmp_path / "a.svs", case, draw())
    assert len(surveyed(tmp_path / "a.svs", form, mpp=1.0).places) > 10


def test_the_mask_is_the_simulated_tissue_and_the_tiles_cover_it(
    form: TileForm, draw: Make, write: Make, tmp_path: Path
) -> None:
    for seed in range(9):
        drawn = draw(seed=seed)
        found = surveyed(write(tmp_path / "a.svs", drawn, compression="jpeg"), form)
        true = drawn.tissue.reshape(64, 8, 64, 8).mean((1, 3)) >= 0.5
        mask = found.tissue.mask
        assert 2 * (mask & true).sum() / (mask.sum() + true.sum()) >= 0.95
        assert found.tissue_mm2(1.0) == pytest.approx(drawn.tissue.sum() / 1e6, rel=0.03)
        assert len(found.places) * 64**2 == pytest.approx(drawn.tissue.sum(), rel=0.12)


def test_a_slide_and_its_copy_at_half_the_magnification_have_the_same_tiles(
    form: TileForm, draw: Make, write: Make, tmp_path: Path
) -> None:
    for seed in range(2):
        fine, coarse = (draw(seed=seed, mpp=mpp, extent_um=320.0) for mpp in (0.25, 0.5))
        size = coarse.pixels.shape[:2]
        copy = np.asarray(Image.fromarray(fine.pixels).resize(size, Image.Resampling.BOX))
        at_40 = surveyed(write(tmp_path / "a.svs", fine), form)
        at_20 = surveyed(write(tmp_path / "b.svs", coarse, pixels=copy), form)
        assert micrometres(at_40, 0.25) == micrometres(at_20, 0.5)
        assert (at_40.overview.step, at_20.overview.step) == (32, 16)


def test_one_bad_tile_among_many_is_counted_and_the_others_are_read(draw: Make, write: Make, tmp_path: Path) -> None:
    drawn = draw(mpp=0.5, extent_um=512)
    path = write(tmp_path / "a.svs", drawn, tile=64, garbled=1)
    form = TileForm(px=32, mpp=0.5, min_tissue=0.5)
    with opened_slide(path) as slide:
        found = survey_of(slide, form, 4)
        assert count_bad_tiles(slide, found.places, form) == 4
        assert len(found.places) > 400


def test_a_slide_of_one_level_whose_bad_tile_is_small_is_still_seen(draw: Make, write: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "a.svs", draw(mpp=0.5), tile=64, garbled=1, levels=())
    with opened_slide(path) as slide:
        found = survey_of(slide, TileForm(px=32, mpp=0.5, min_tissue=0.5), 4)
    assert 0 < found.overview.lost <= 0.01
    path = write(tmp_path / "b.svs", draw(mpp=0.5), garbled=1, levels=())
    with opened_slide(path) as slide, pytest.raises(BadInputError, match=r"^b\.svs: \d+\.\d% of its overview cannot"):
        survey_of(slide, TileForm(px=32, mpp=0.5, min_tissue=0.5), 4)


def test_too_few_tiles_are_refused(form: TileForm, draw: Make, write: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "a.svs", draw())
    with opened_slide(path) as slide, pytest.raises(BadInputError, match=r"tissue in 50% .*expected at least 64"):
        survey_of(slide, form, 64)


def test_the_real_slide_has_its_resolution_and_about_26_tiles(real: Path) -> None:
    with opened_slide(real) as slide:
        found = survey_of(slide, TileForm(px=256, mpp=0.5, min_tissue=0.5), 4)
        assert (slide.width, slide.height, round(slide.mpp, 3), slide.reductions) == (2220, 2967, 0.499, (1.0,))
        assert not slide.simulated
    assert 24 <= len(found.places) <= 28
    assert 0.30 < found.tissue.mask.mean() < 0.38
