"""A simulated slide as an Aperio SVS file: the whole image in tiles, a thumbnail, then smaller levels in tiles.

There is no label and no image of the whole glass: real ones hold names and dates, and readers should never look.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mgi_standin.simulation.slides import SimulatedSlide
from mgi_standin.simulation.slides_tiff import Compression, Directory, Pixels, write_tiff

LEVELS = (4, 16)
TILE = 256
THUMBNAIL = 64
_LIBRARY = "Aperio Image Library v12.0.15"


@dataclass(frozen=True, kw_only=True)
class SvsForm:
    """How pixels are stored: how many times smaller the further levels are, the side of a tile, and its compression.

    The bytes of `garbled` tiles from the middle are no image.
    """

    levels: tuple[int, ...] = LEVELS
    tile: int = TILE
    compression: Compression = "deflate"
    garbled: int = 0


def write_slide(path: Path, slide: SimulatedSlide, compression: Compression = "jpeg") -> None:
    """Write a slide as scanners do; JPEG takes a tenth of the bytes of `deflate`, which loses nothing."""
    write_svs(
        path, slide.pixels, magnification=slide.magnification, mpp=slide.mpp, form=SvsForm(compression=compression)
    )


def write_svs(
    path: Path, pixels: Pixels, *, magnification: int | None, mpp: float | None, form: SvsForm | None = None
) -> None:
    """Write pixels (H, W, 3); None leaves what they measure out of the description."""
    form = form or SvsForm()
    height, width, _ = pixels.shape
    said = "".join(
        f"|{name} = {value}"
        for name, value in (("AppMag", magnification), ("MPP", None if mpp is None else f"{mpp:.4f}"))
        if value is not None
    )
    base = f"{width}x{height} [0,0 {width}x{height}] ({form.tile}x{form.tile})"
    whole = f"{_LIBRARY}\r\n{base} JPEG/RGB Q=80{said}|Simulated = 1"
    directories = [Directory(pixels=pixels, description=whole, tile=form.tile, compression=form.compression)]
    for factor in (None, *form.levels):
        if factor is None:
            smaller = _reduced(pixels, max(height, width) / THUMBNAIL)
            text, side = f"{_LIBRARY}\r\n{base} -> {smaller.shape[1]}x{smaller.shape[0]} - {said}|Simulated = 1", None
        else:
            smaller = _reduced(pixels, factor)
            text, side = f"{_LIBRARY}\r\n{base} -> {smaller.shape[1]}x{smaller.shape[0]} JPEG/RGB Q=80{said}", form.tile
        kind = "deflate" if side is None else form.compression
        directories.append(Directory(pixels=smaller, description=text, tile=side, compression=kind))
    write_tiff(path, directories, form.garbled)


def _reduced(pixels: Pixels, factor: float) -> Pixels:
    """The same at `factor` times the pixel size, each pixel the mean of those that it covers."""
    size = (max(1, int(pixels.shape[1] / factor)), max(1, int(pixels.shape[0] / factor)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), np.uint8)
