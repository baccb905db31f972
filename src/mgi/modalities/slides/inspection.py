"""What a fetch asks of a file before the shard needs it: the same readers, with nothing kept but a few numbers."""

from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.locks.item import Metadata, metadata
from mgi.modalities.slides.encoder_forms import require_form
from mgi.modalities.slides.reader import opened_slide
from mgi.modalities.slides.stored_features import StoredFeatures, read_features
from mgi.modalities.slides.survey import count_bad_tiles, survey_of
from mgi.modalities.slides.tiles import TileForm


def inspect_slide(path: Path, mpp: float | None, *, form: TileForm, min_tiles: int, unstated: float | None) -> Metadata:
    """Resolution, tissue and tiles of a slide, every tile decoded once.

    Raises BadInputError where the shard would.
    """
    with opened_slide(path, mpp, unstated) as slide:
        found = survey_of(slide, form, min_tiles)
        bad = count_bad_tiles(slide, found.places, form)
        return metadata(
            mpp=slide.mpp,
            n_tiles=len(found.places) - bad,
            n_bad_tiles=bad,
            tissue_mm2=round(found.tissue_mm2(slide.mpp), 4),
        )


def inspect_features(path: Path, mpp: float | None, *, form: TileForm, encoder: str | None) -> Metadata:
    """How many vectors of what width a file has; raises BadInputError where they are not the encoder's."""
    found = features_for(path, form, encoder)
    return metadata(n_tiles=len(found.corners), width=found.width)


def features_for(path: Path, form: TileForm, encoder: str | None) -> StoredFeatures:
    """The vectors of a file whose tiles are those that the settings state."""
    found = read_features(path)
    if found.px is not None and found.px != form.px:
        raise BadInputError(f"{path.name}: patch_size: found {found.px}, expected modalities.slides.tile_px, {form.px}")
    require_form(encoder, px=form.px, mpp=form.mpp, width=found.width, where=path.name)
    return found
