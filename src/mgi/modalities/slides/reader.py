"""Open a whole-slide image and read regions of it. The only module that knows OpenSlide, of the extra `slides`.

A slide file also holds pictures of its label and of the whole glass, with names and dates on them. Nothing here reads
them, so no output can hold them.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi.core.errors import BadInputError, ResourceError
from mgi.modalities.slides.tiff_layout import require_sound_tiles

try:
    import openslide
except (ImportError, OSError):  # the extra is optional; opened_slide says what to install
    openslide = None

LEAST_MPP, MOST_MPP = 0.05, 8.0  # of scanners: 100x with oil, and a picture of the whole glass
MOST_MM = 400  # of a side; the largest glasses, of whole brains, have 250
SQUARE = 0.02  # how far the two sides of a pixel may differ


class DamagedRegionError(BadInputError):
    """A region of a slide cannot be decoded; the others can."""


class Slide:
    """An open slide: its name, size in pixels of level 0, `mpp` micrometres a pixel, and how its levels are reduced."""

    def __init__(self, path: Path, mpp: float | None, unstated: float | None) -> None:
        self._path = path
        self._handle = _opened(path)
        self.name = path.name
        self.width, self.height = (int(side) for side in self._handle.dimensions)
        self.reductions = tuple(float(one) for one in self._handle.level_downsamples)
        self.vendor = str(self._handle.properties.get("openslide.vendor"))
        self.simulated = _says_simulated(self._handle)
        self.mpp = mpp or _stated_mpp(self._handle.properties, path.name, unstated)
        if (longest := max(self.width, self.height) * self.mpp / 1000) > MOST_MM:
            raise BadInputError(
                f"{self.name}: {self.width} x {self.height} pixels of {self.mpp:g} µm: found {longest:.0f} mm, "
                f"expected at most {MOST_MM} mm of glass"
            )

    def region(self, left: int, top: int, size: tuple[int, int], level: int = 0) -> Image.Image:
        """The pixels (RGB) of a region whose corner is in pixels of level 0 and whose size is in those of `level`.

        What the scanner left out is white. Raises DamagedRegionError; a failed handle fails for ever, so the slide is
        opened anew.
        """
        try:
            found = self._handle.read_region((left, top), level, size)
        except openslide.OpenSlideError as error:
            self._handle.close()
            self._handle = _opened(self._path)
            raise DamagedRegionError(f"{self.name}: region at {left}, {top} of level {level}: {error}") from None
        if found.getextrema()[3][0] == 255:
            opaque: Image.Image = found.convert("RGB")
            return opaque
        white = Image.new("RGBA", found.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, found).convert("RGB")

    def pixels(self, left: int, top: int, size: tuple[int, int], level: int = 0) -> NDArray[np.uint8]:
        """The same as an array (H, W, 3)."""
        return np.asarray(self.region(left, top, size, level), np.uint8)

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


@contextmanager
def opened_slide(path: Path, mpp: float | None = None, unstated: float | None = None) -> Iterator[Slide]:
    """A slide, open while the block runs; `mpp` is what the user says of its resolution, whatever the file does.

    `unstated` is taken where neither the user nor the file says anything.

    Raises ResourceError where OpenSlide is not installed, BadInputError where the file is no slide, or says nothing
    that can be believed of its resolution.
    """
    require_openslide(path.name)
    slide = Slide(path, mpp, unstated)
    try:
        yield slide
    finally:
        slide.close()


def is_simulated(path: Path) -> bool:
    """Whether a file says that it is a simulated slide; one that cannot be read says nothing."""
    try:
        with _opened(path) as handle:
            return _says_simulated(handle)
    except BadInputError:
        return False


def _says_simulated(handle: Any) -> bool:
    return bool(handle.properties.get("aperio.Simulated") == "1")


def require_openslide(where: str) -> None:
    """Raise ResourceError where OpenSlide is not installed."""
    if openslide is None:
        raise ResourceError(f"{where}: no reader of slides is installed; pip install openslide-python openslide-bin")


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise BadInputError(f"{path}: missing, expected a slide")
    require_sound_tiles(path)
    try:
        return openslide.OpenSlide(path)
    except openslide.OpenSlideError as error:
        what = "a whole slide (SVS, tiled TIFF, NDPI, SCN, MRXS, DICOM)"
        raise BadInputError(f"{path.name}: not read by OpenSlide ({error}), expected {what}") from None


def _stated_mpp(properties: Any, name: str, unstated: float | None) -> float:
    """Micrometres a pixel as the file states them; the objective's magnification alone says nothing of the camera."""
    found = [properties.get(f"openslide.mpp-{axis}") for axis in ("x", "y")]
    power = properties.get("openslide.objective-power")
    beside = f" (magnification {power} alone is none)" if power else ""
    remedy = "name it in modalities.slides.slide_list"
    if None in found:
        if unstated is not None:
            return unstated
        raise BadInputError(f"{name}: mpp: missing{beside}, expected µm a pixel; {remedy}, or in unstated_mpp for all")
    try:
        along, down = (float(one) for one in found)
    except ValueError:
        raise BadInputError(f"{name}: mpp: found {found[0]!r}, {found[1]!r}, expected numbers; {remedy}") from None
    if not all(math.isfinite(one) and LEAST_MPP <= one <= MOST_MPP for one in (along, down)):
        raise BadInputError(
            f"{name}: mpp: found {along:g}, {down:g}, expected {LEAST_MPP:g} to {MOST_MPP:g} µm a pixel; {remedy}"
        )
    if abs(along - down) > SQUARE * along:
        raise BadInputError(f"{name}: mpp: found {along:g} by {down:g}, expected square pixels; {remedy}")
    return (along + down) / 2
