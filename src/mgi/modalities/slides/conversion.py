"""From one slide to its bag: a vector for each tile with tissue, a row of the table of slides, and a small picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.locks.item import Item
from mgi.modalities.slides.encoders import Encoder, tile_form
from mgi.modalities.slides.reader import Slide, opened_slide
from mgi.modalities.slides.settings import SlidesSettings
from mgi.modalities.slides.slide_names import name_of
from mgi.modalities.slides.sources.folder import stated_mpp
from mgi.modalities.slides.survey import require_few_bad, survey_of
from mgi.modalities.slides.thumbnails import thumbnail_of
from mgi.modalities.slides.tiles import Place, TileForm, read_tiles
from mgi.shards.bags import Bag
from mgi.shards.contact_sheet import Thumbnail

TILES_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A slide's bag, what the table of slides says of it, its small picture, and whether it calls itself simulated."""

    bag: Bag
    row: dict[str, Any]
    thumbnail: Thumbnail
    simulated: bool = False


def convert_slide(path: Path, item: Item, chosen: SlidesSettings, encoder: Encoder, *, source: str) -> Converted:
    """The bag of one slide, read tile by tile; `source` is what the table says of its bytes.

    Raises BadInputError where it cannot serve: no tissue, too few tiles, no resolution, too much damage.
    """
    form = tile_form(chosen)
    with opened_slide(path, stated_mpp(item), chosen.unstated_mpp) as slide:
        found = survey_of(slide, form, chosen.min_tiles)
        places, vectors = _embedded(slide, found.places, form, encoder)
        bag = Bag(
            patient_id=item.patient_id,
            slide_id=name_of(item).slide_id,
            corners=np.array([(one.x0, one.y0) for one in places], np.int64),
            embeddings=vectors,
            tissue=np.array([one.tissue for one in places], np.float32),
        )
        row = {
            **row_of(bag, source, len(found.places) - len(places)),
            "width": slide.width,
            "height": slide.height,
            "mpp": slide.mpp,
            "levels": len(slide.reductions),
            "vendor": slide.vendor,
            "tissue_mm2": found.tissue_mm2(slide.mpp),
            "pen": found.tissue.pen,
            "black": found.tissue.black,
            "threshold": found.tissue.threshold,
            "mask_um": found.overview.step * slide.mpp,
        }
        picture = thumbnail_of(found.overview.pixels, found.tissue.mask, bag.patient_id, len(places))
        return Converted(bag=bag, row=row, thumbnail=picture, simulated=slide.simulated)


def row_of(bag: Bag, source: str, bad: int) -> dict[str, Any]:
    """What the table of slides says of any."""
    counts = {"tiles": len(bag.corners), "bad_tiles": bad}
    return {"patient_id": bag.patient_id, "slide_id": bag.slide_id, "source": source, **counts}


def _embedded(
    slide: Slide, places: Sequence[Place], form: TileForm, encoder: Encoder
) -> tuple[list[Place], NDArray[np.float32]]:
    """The places whose tiles can be decoded, with their vectors (n, width); some tiles are held at a time."""
    kept, vectors, waiting = [], [], []
    for number, pixels in read_tiles(slide, places, form):
        if pixels is not None:
            kept.append(places[number])
            waiting.append(pixels)
        if waiting and (len(waiting) == TILES_AT_ONCE or number + 1 == len(places)):
            vectors.append(encoder.embed(np.stack(waiting)))
            waiting = []
    require_few_bad(slide.name, len(places) - len(kept), len(places))
    return kept, np.concatenate(vectors)
