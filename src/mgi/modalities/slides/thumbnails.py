"""The small picture of a slide: what is no tissue darkened, with its patient and count of tiles."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi.core.text import printable
from mgi.shards.contact_sheet import SIDE, Thumbnail

_DIMMED = 0.35
_LONGEST = 24


def thumbnail_of(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], name: str, n_tiles: int) -> Thumbnail:
    """The picture of an overview (h, w, 3) with its mask of tissue (h, w)."""
    shown = np.where(mask[..., None], pixels, (_DIMMED * pixels).astype(np.uint8))
    return Thumbnail(pixels=_fitted(shown), words=_words(name, n_tiles))


def thumbnail_of_places(corners: NDArray[np.int64], name: str) -> Thumbnail:
    """The same where only places (N, 2) of tiles are known: a white square for each."""
    steps = [np.diff(np.unique(corners[:, axis])) for axis in (0, 1)]
    side = int(min((one.min() for one in steps if len(one)), default=1))
    cols, rows = (corners // side - corners.min(0) // side).T
    picture = np.zeros((int(rows.max()) + 1, int(cols.max()) + 1, 3), np.uint8)
    picture[rows, cols] = 255
    return Thumbnail(pixels=_fitted(picture), words=_words(name, len(corners)))


def _fitted(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture (h, w, 3) as large as SIDE allows: reduced by area, or enlarged a whole number of times."""
    image, longest = Image.fromarray(pixels), max(pixels.shape[:2])
    if longest > SIDE:
        image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    elif (times := SIDE // longest) > 1:
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    return np.asarray(image, np.uint8)


def _words(name: str, n_tiles: int) -> tuple[str, str]:
    return printable(name, _LONGEST), f"{n_tiles} tiles"
