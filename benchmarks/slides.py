"""How many tiles a second one core finds, reads and describes, of a simulated slide stored as JPEG or of a real one.

REQUIRED INPUTS: none, or --slide: a slide that OpenSlide reads. OUTPUTS: a table; --output: {name, value, unit} each.
CPU time of one thread, medians of --rounds. `read` decodes each tile of a slide that is opened anew, since OpenSlide
keeps what it has decoded; `handmade` describes tiles that are in memory, and so does each `--network` of timm, with
random weights.
Usage: PYTHONPATH=src OMP_NUM_THREADS=1 python benchmarks/slides.py --network vit_small_patch16_224
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.core.files import sha256_of
from mgi.modalities.slides import handmade
from mgi.modalities.slides.reader import opened_slide
from mgi.modalities.slides.survey import survey_of
from mgi.modalities.slides.tiles import Place, TileForm, read_tiles
from mgi_standin.simulation.slides import Histology, draw_slide
from mgi_standin.simulation.slides_svs import write_slide

LEAST = {"read": 60.0, "handmade": 100.0}
"""Tiles a second that were asked for."""


def timed(work: Callable[[], object], rounds: int) -> float:
    """The median CPU time of the work in seconds."""
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent)


def written(folder: Path, pixels: int) -> tuple[Path, float, float]:
    """A simulated slide as JPEG, and the CPU time of drawing and of writing it."""
    histology = Histology(subtype="IDHwt", factors={"size": 0.0, "margin": 0.0, "contrast": 0.0})
    start = time.process_time()
    slide = draw_slide(histology, shape=(pixels, pixels), mpp=0.5, rng=np.random.default_rng(0))
    drawn = time.process_time()
    write_slide(folder / "simulated.svs", slide)
    return folder / "simulated.svs", drawn - start, time.process_time() - drawn


def tiles_of(path: Path, form: TileForm) -> tuple[Sequence[Place], NDArray[np.uint8]]:
    """Places and pixels (n, px, px, 3) of a slide's tiles."""
    with opened_slide(path) as slide:
        places = survey_of(slide, form, 1).places
        return places, np.stack([tile for _, tile in read_tiles(slide, places, form) if tile is not None])


def by_network(name: str, tiles: NDArray[np.uint8], scratch: Path, rounds: int) -> dict[str, object]:
    """How fast a network of timm embeds a batch of these tiles, as the product calls it."""
    from safetensors.torch import save_file

    from mgi.modalities.slides.timm_encoder import BATCH, TimmEncoder, timm

    weights = scratch / f"{name}.safetensors"
    save_file(timm.create_model(name, pretrained=False).state_dict(), weights)
    encoder = TimmEncoder(f"timm:{name}", weights, sha256=sha256_of(weights), px=tiles.shape[1], resizes=True)
    batch = np.resize(tiles, (BATCH, *tiles.shape[1:]))
    return {
        "name": f"{name}, width {encoder.width}",
        "value": round(BATCH / timed(lambda: encoder.embed(batch), rounds), 2),
        "unit": "tiles/s",
    }


def measured(path: Path, form: TileForm, rounds: int) -> list[dict[str, object]]:
    """Each stage of one slide."""
    places, tiles = tiles_of(path, form)

    def survey() -> None:
        with opened_slide(path) as fresh:
            survey_of(fresh, form, 1)

    def read() -> None:
        with opened_slide(path) as fresh:
            for _ in read_tiles(fresh, places, form):
                pass

    n_tiles, survey_s, read_s = len(places), timed(survey, rounds), timed(read, rounds)
    handmade_s = timed(lambda: handmade.features_of(tiles), rounds)
    return [
        {"name": "tiles", "value": n_tiles, "unit": f"of {form.px} px at {form.mpp:g} µm"},
        {"name": "tissue and grid", "value": round(survey_s, 3), "unit": "s"},
        {"name": "read", "value": round(n_tiles / read_s, 1), "unit": "tiles/s"},
        {"name": "handmade", "value": round(n_tiles / handmade_s, 1), "unit": "tiles/s"},
        {"name": "read and handmade", "value": round(n_tiles / (read_s + handmade_s), 1), "unit": "tiles/s"},
    ]


def main() -> None:
    """Measure one slide and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--slide", type=Path, help="a slide of your own in place of the simulated one")
    options.add_argument("--pixels", type=int, default=4096, help="side of the simulated slide")
    options.add_argument("--tile-px", type=int, default=256)
    options.add_argument("--mpp", type=float, default=0.5)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--network", nargs="*", default=[], help="names of timm")
    options.add_argument("--output", type=Path, help="JSON")
    args = options.parse_args()
    form, rows = TileForm(px=args.tile_px, mpp=args.mpp, min_tissue=0.5), []
    with tempfile.TemporaryDirectory() as scratch:
        path = args.slide
        if path is None:
            path, drawing, writing = written(Path(scratch), args.pixels)
            rows += [
                {"name": "draw", "value": round(drawing, 2), "unit": "s"},
                {"name": "write", "value": round(writing, 2), "unit": "s"},
                {"name": "size", "value": round(path.stat().st_size / 1e6, 2), "unit": "MB"},
            ]
        rows += measured(path, form, args.rounds)
        tiles = tiles_of(path, form)[1] if args.network else None
        rows += [by_network(name, tiles, Path(scratch), args.rounds) for name in args.network]
    for row in rows:
        asked = f"   asked: {LEAST[str(row['name'])]:g}" if row["name"] in LEAST else ""
        print(f"{row['name']:>18} {row['value']:>9} {row['unit']}{asked}")
    if args.output:
        args.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
