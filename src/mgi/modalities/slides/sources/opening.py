"""The source of slides that a configuration names, put together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mgi.locks.lock import Lock
from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.slides.inspection import inspect_features, inspect_slide
from mgi.modalities.slides.reader import is_simulated, require_openslide
from mgi.modalities.slides.settings import FOLDER, PRECOMPUTED, SlidesSettings
from mgi.modalities.slides.sources.folder import SLIDES, SlideFolder
from mgi.modalities.slides.stored_features import SUFFIXES, require_h5py
from mgi.modalities.slides.tiles import TileForm

# Formats of OpenSlide that are one file; of others one digest would not pin the slide.
ONE_FILE = (".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif", ".svslide")


@contextmanager
def open_source(chosen: SlidesSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of slides; both read a folder of the user's."""
    path = table or chosen.folder
    form = TileForm(px=chosen.tile_px, mpp=chosen.mpp, min_tissue=chosen.min_tissue)
    own = partial(
        SlideFolder,
        folder=Path(path) if path else None,
        slide_list=Path(chosen.slide_list) if chosen.slide_list else None,
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
        inspect=partial(inspect_slide, form=form, min_tiles=chosen.min_tiles, unstated=chosen.unstated_mpp),
        require_reader=partial(require_openslide, SLIDES),
        is_simulated=is_simulated,
    )


def summary(lock: Lock) -> Sequence[str]:
    """How many slides there are, and how many patients have one."""
    waiting = sum(item.runner_up is not None for item in lock.items)
    more = f", {waiting} may take the place of one that cannot serve" if waiting else ""
    return [f"{len(lock.items)} slides, one chosen of each of {len(lock.chosen)} patients{more}"]
