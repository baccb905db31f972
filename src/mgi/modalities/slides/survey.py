"""What a slide has to offer: its tissue, its tiles, and whether they can be read. A fetch and a shard ask it alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from mgi.core.errors import BadInputError
from mgi.modalities.slides.overview import Overview, overview_of
from mgi.modalities.slides.reader import Slide
from mgi.modalities.slides.tiles import Place, TileForm, places_of, read_tiles
from mgi.modalities.slides.tissue import Tissue, tissue_of

MOST_BAD = 0.01
"""Share of a slide's tiles that may be unreadable; beyond it the file is damaged, and not a tile of it."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The overview of a slide, the tissue in it, and the places of its tiles in raster order."""

    overview: Overview
    tissue: Tissue
    places: Sequence[Place]

    def tissue_mm2(self, mpp: float) -> float:
        """Area of the tissue, with the slide's micrometres a pixel."""
        return float(self.tissue.mask.sum()) * (self.overview.step * mpp / 1000) ** 2


def survey_of(slide: Slide, form: TileForm, min_tiles: int) -> Survey:
    """Look for tissue and lay tiles over it.

    Raises BadInputError where there is no tissue, or too little of it for `min_tiles` tiles.
    """
    overview = overview_of(slide)
    tissue = tissue_of(overview.pixels)
    places = places_of(slide, form, tissue.mask, overview.step)
    if not tissue.mask.any():
        beside = [f"{share:.0%} {name}" for name, share in (("pen", tissue.pen), ("black", tissue.black)) if share > 0]
        found = f" ({', '.join(beside)})" if beside else ""
        raise BadInputError(f"{slide.name}: no tissue{found}")
    if len(places) < min_tiles:
        raise BadInputError(
            f"{slide.name}: {len(places)} tiles of {form.px} pixels at {form.mpp:g} µm with tissue in "
            f"{form.min_tissue:.0%} of them, expected at least {min_tiles}"
        )
    return Survey(overview=overview, tissue=tissue, places=places)


def count_bad_tiles(slide: Slide, places: Sequence[Place], form: TileForm) -> int:
    """How many tiles cannot be decoded; raises BadInputError as require_few_bad does."""
    bad = sum(pixels is None for _, pixels in read_tiles(slide, places, form))
    require_few_bad(slide.name, bad, len(places))
    return bad


def require_few_bad(name: str, bad: int, total: int) -> None:
    """Refuse a slide of whose tiles more than a hundredth cannot be decoded."""
    if bad > MOST_BAD * total:
        raise BadInputError(f"{name}: {bad} of {total} tiles cannot be decoded, expected at most {MOST_BAD:.0%}")
