"""What is written is read back by OpenSlide and tifffile, where they are installed, as it was drawn."""

from pathlib import Path

import numpy as np
import pytest

from mgi_standin.simulation.slides import Histology, SimulatedSlide, draw_slide
from mgi_standin.simulation.slides_broken import CASES, HUGE_MPP, write_case
from mgi_standin.simulation.slides_svs import write_slide

FACTORS = {"size": 0.0, "margin": 0.0, "contrast": 0.0}


@pytest.fixture(scope="module")
def slide() -> SimulatedSlide:
    return draw_slide(
        Histology(subtype="IDHwt", factors=FACTORS), shape=(600, 800), mpp=0.5, rng=np.random.default_rng(0)
    )


def written(folder: Path, name: str, slide: SimulatedSlide) -> Path:
    path = folder / f"{name}.svs"
    write_case(path, name, slide)
    return path


def test_openslide_reads_levels_resolution_and_every_pixel(slide: SimulatedSlide, tmp_path: Path) -> None:
    openslide = pytest.importorskip("openslide")
    with openslide.OpenSlide(written(tmp_path, "whole", slide)) as opened:
        assert opened.properties["openslide.vendor"] == "aperio"
        assert opened.level_dimensions == ((800, 600), (200, 150), (50, 37))
        assert (opened.properties["openslide.mpp-x"], opened.properties["aperio.Simulated"]) == ("0.5", "1")
        assert [*opened.associated_images] == ["thumbnail"]
        found = np.asarray(opened.read_region((0, 0), 0, (800, 600)).convert("RGB"))
    assert (found == slide.pixels).all()


def test_tifffile_knows_it_as_a_slide_of_four_directories(slide: SimulatedSlide, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffFile(written(tmp_path, "whole", slide)) as opened:
        assert opened.is_svs
        assert [page.is_tiled for page in opened.pages] == [True, False, True, True]
        assert (opened.pages[0].asarray() == slide.pixels).all()


@pytest.mark.parametrize(("compression", "mean"), [("jpeg", 4.0), ("jpeg2000", 2.0), ("deflate", 0.0)])
def test_each_compression_keeps_the_image(compression, mean, slide: SimulatedSlide, tmp_path: Path) -> None:
    openslide = pytest.importorskip("openslide")
    write_slide(tmp_path / "a.svs", slide, compression)
    with openslide.OpenSlide(tmp_path / "a.svs") as opened:
        found = np.asarray(opened.read_region((0, 0), 0, opened.dimensions).convert("RGB")).astype(float)
    assert np.abs(found - slide.pixels).mean() <= mean


def test_each_broken_slide_is_broken_as_its_name_says(slide: SimulatedSlide, tmp_path: Path) -> None:
    openslide = pytest.importorskip("openslide")
    properties, levels = {}, {}
    for name in CASES:
        path = written(tmp_path, name, slide)
        if name in ("truncated", "empty"):
            with pytest.raises(openslide.OpenSlideError):
                openslide.OpenSlide(path)
            continue
        with openslide.OpenSlide(path) as opened:
            properties[name], levels[name] = dict(opened.properties), opened.level_count
            if name == "one-bad-tile":
                with pytest.raises(openslide.OpenSlideError):
                    opened.read_region((0, 0), 0, opened.dimensions)
    resolution = {name: found.get("openslide.mpp-x") for name, found in properties.items()}
    assert {name for name, mpp in resolution.items() if mpp is None} == {"no-mpp", "magnification-without-mpp"}
    assert float(resolution["huge-mpp"] or 0) == HUGE_MPP
    assert properties["magnification-without-mpp"]["openslide.objective-power"] == "20"
    assert levels["single-level"] == 1
    assert properties["tiles-of-240"]["openslide.level[0].tile-width"] == "240"


def test_equal_slides_give_equal_bytes_and_no_label(slide: SimulatedSlide, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.svs", "b.svs")]
    for path in paths:
        write_slide(path, slide)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert b"label" not in paths[0].read_bytes()
    assert b"macro" not in paths[0].read_bytes()
