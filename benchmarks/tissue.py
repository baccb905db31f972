"""How well the tissue of simulated slides is found, and whether a slide has the same tiles at 20x and at 40x.

REQUIRED INPUTS: none. OUTPUTS: a table. Dice is between the mask and the tissue that was drawn, on the mask's pixels.
A copy is a slide at 40x whose pixels were averaged to 20x; a second scan has noise and compression of its own.
Usage: PYTHONPATH=src OMP_NUM_THREADS=1 python benchmarks/tissue.py --slides 50
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from mgi.modalities.slides.reader import opened_slide
from mgi.modalities.slides.survey import Survey, survey_of
from mgi.modalities.slides.tiles import TileForm
from mgi_standin.simulation.latent_factors import SUBTYPES, draw_factors
from mgi_standin.simulation.slides import Histology, SimulatedSlide, draw_slide
from mgi_standin.simulation.slides_svs import write_slide, write_svs

FORM = TileForm(px=128, mpp=0.5, min_tissue=0.5)
EXTENT_UM = 512.0


def drawn(seed: int, mpp: float) -> SimulatedSlide:
    """One slide; another resolution shows the same tissue."""
    subtype, rng = SUBTYPES[seed % 3], np.random.default_rng(seed)
    histology = Histology(subtype=subtype, factors=draw_factors(subtype, rng))
    pixels = round(EXTENT_UM / mpp)
    return draw_slide(histology, shape=(pixels, pixels), mpp=mpp, rng=np.random.default_rng(1000 + seed))


def surveyed(path: Path) -> Survey:
    """What is found on a slide."""
    with opened_slide(path) as slide:
        return survey_of(slide, FORM, 1)


def dice_of(found: Survey, slide: SimulatedSlide) -> float:
    """Between the mask and the true tissue, where a pixel of the mask counts by its majority."""
    mask, step = found.tissue.mask, found.overview.step
    rows, cols = mask.shape
    true = slide.tissue[: rows * step, : cols * step].reshape(rows, step, cols, step).mean((1, 3)) >= 0.5
    return float(2 * (mask & true).sum() / (mask.sum() + true.sum()))


def places(found: Survey, mpp: float) -> set[tuple[int, int]]:
    """Corners of the tiles in micrometres."""
    return {(round(one.x0 * mpp), round(one.y0 * mpp)) for one in found.places}


def main() -> None:
    """Draw, find and compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--slides", type=int, default=50)
    options.add_argument("--every", type=int, default=5, help="each so many slides is scanned at 40x too")
    args = options.parse_args()
    dice, area, copies, scans = [], [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "a.svs"
        for seed in range(args.slides):
            slide = drawn(seed, 0.5)
            write_slide(path, slide)
            found = surveyed(path)
            dice.append(dice_of(found, slide))
            area.append(len(found.places) * (FORM.px * FORM.mpp) ** 2 / (slide.tissue.sum() * slide.mpp**2))
            if seed % args.every:
                continue
            fine = drawn(seed, 0.25)
            write_slide(path, fine)
            at_40 = surveyed(path)
            dice.append(dice_of(at_40, fine))
            scans.append(len(places(at_40, 0.25) ^ places(found, 0.5)))
            write_slide(path, fine, "deflate")
            at_40 = surveyed(path)
            averaged = np.asarray(Image.fromarray(fine.pixels).resize(slide.tissue.shape, Image.Resampling.BOX))
            write_svs(path, averaged, magnification=20, mpp=0.5)
            copies.append(len(places(at_40, 0.25) ^ places(surveyed(path), 0.5)))
    print(f"Dice of {len(dice)} slides: least {min(dice):.3f}, mean {np.mean(dice):.3f}; asked: 0.95")
    print(f"area of tiles / area of tissue: mean {np.mean(area):.3f}, {min(area):.2f} to {max(area):.2f}")
    print(f"40x and its copy at 20x: {sum(one == 0 for one in copies)} of {len(copies)} with the same tiles")
    print(
        f"two scans: {sum(one == 0 for one in scans)} of {len(scans)} with the same tiles, at most {max(scans)} differ"
    )


if __name__ == "__main__":
    main()
