"""The source of slides that a configuration names, put together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mgi.locks.lock import Lock
from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.opening import open_gdc
from mgi.modalities.slides.inspection import inspect_features, inspect_slide
from mgi.modalities.slides.reader import is_simulated, require_openslide
from mgi.modalities.slides.settings import FOLDER, GDC, PRECOMPUTED, SlidesSettings
from mgi.modalities.slides.sources.folder import SLIDES, SlideFolder
from mgi.modalities.slides.sources.gdc import GdcSlides
from mgi.modalities.slides.sources.gdc_consumed import ConsumedSlides
from mgi.modalities.slides.sources.gdc_listing import SLIDE_IMAGES
from mgi.modalities.slides.stored_features import SUFFIXES, require_h5py
from mgi.modalities.slides.tiles import TileForm

# Formats of OpenSlide that are one file; of others one digest would not pin the slide.
ONE_FILE = (".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif", ".svslide")


@contextmanager
def open_source(chosen: SlidesSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of slides: the GDC, a simulated one being served while the block runs, or a folder of the user's."""
    path = table or chosen.folder
    slide_list = Path(chosen.slide_list) if chosen.slide_list else None
    form = TileForm(px=chosen.tile_px, mpp=chosen.mpp, min_tissue=chosen.min_tissue)
    of_slide = partial(inspect_slide, form=form, min_tiles=chosen.min_tiles, unstated=chosen.unstated_mpp)
    if chosen.source == GDC:
        with open_gdc(SLIDE_IMAGES, chosen, archive=archive, serve=serve) as files:
            slides = GdcSlides(files=files, inspect=of_slide, slide_list=slide_list, frozen=chosen.frozen)
            yield slides if chosen.keep else ConsumedSlides(slides=slides, chosen=chosen)
        return
    own = partial(
        SlideFolder,
        folder=Path(path) if path else None,
        slide_list=slide_list,
        frozen=chosen.frozen,
    )
    if chosen.source == PRECOMPUTED:
        yield own(
            source=PRECOMPUTED,
            what="file of vectors",
            suffixes=SUFFIXES,
            inspect=partial(inspect_features, form=form, encoder=chosen.weights_of),
            require_reader=partial(require_h5py, SLIDES),
        )
        return
    yield own(
        source=FOLDER,
        what="slide",
        suffixes=ONE_FILE,
        inspect=of_slide,
        require_reader=partial(require_openslide, SLIDES),
        is_simulated=is_simulated,
    )


def summary(lock: Lock) -> Sequence[str]:
    """How many slides there are, and how many patients have one."""
    waiting = sum(item.runner_up is not None for item in lock.items)
    more = f", {waiting} may take the place of one that cannot serve" if waiting else ""
    to_fetch = f", {sum(item.size for item in lock.chosen) / 1e9:.1f} GB to fetch" if lock.source == GDC else ""
    return [f"{len(lock.items)} slides, one chosen of each of {len(lock.chosen)} patients{more}{to_fetch}"]
