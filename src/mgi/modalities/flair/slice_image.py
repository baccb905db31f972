"""The pixels of one slice from the bytes of a TIFF or PNG, where its levels are stored as they were."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, TiffImageFile

from mgi.core.errors import BadInputError
from mgi.modalities.flair.quarantine import quarantine

FORMATS = {".tif": "TIFF", ".tiff": "TIFF", ".png": "PNG"}
STARTS = {"TIFF": (b"II*\0", b"MM\0*"), "PNG": (b"\x89PNG\r\n\x1a\n",)}
MAX_PIXELS = 4096 * 4096
MAX_FILE_BYTES = 64 << 20  # 4096 x 4096 RGB is 48 MB
_READ = (("L", 8), ("I;16", 16), ("I;16B", 16), ("RGB", 8))  # Pillow's mode and the bits of the file
_DEPTH_OF_PNG = 24  # where the header's chunk, which comes first, has it
_WHITE_IS_ZERO = 0


@contextmanager
def opened_image(data: bytes, name: str, file_format: str) -> Iterator[Image.Image]:
    """An image whose pixels are not read yet; what goes wrong in the block names the file.

    Raises BadInputError where it is not of the format ("TIFF", "PNG") or claims more than MAX_PIXELS.
    """
    with quarantine(name, file_format), Image.open(io.BytesIO(data), formats=(file_format,)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise BadInputError(f"{name}: {image.mode} {image.size}, expected at most 4096 x 4096 pixels")
        yield image


def pixels_of(data: bytes, name: str) -> NDArray[Any]:
    """Read grey pixels (H, W) as uint8 or uint16, or RGB ones (H, W, 3) as uint8; the ending tells the format.

    Raises BadInputError where the file holds anything else (a palette, alpha, other depths, several pages): Pillow
    would read some of these with other levels than the stored ones.
    """
    with opened_image(data, name, FORMATS[Path(name).suffix.lower()]) as image:
        bits = _bits_of(image, data)
        if (image.mode, bits) not in _READ or (bits == 16 and _is_inverted(image)):  # Pillow inverts 8 bits alone
            said = f"mode {image.mode} of {bits} bits{', white is zero' if _is_inverted(image) else ''}"
            raise BadInputError(f"{name}: {said}, expected grey of 8 or 16 bits or RGB of 8")
        pixels = np.array(image)
        if _has_second_page(image):
            raise BadInputError(f"{name}: holds several images, expected one slice a file")
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _bits_of(image: Image.Image, data: bytes) -> int:
    """Bits a channel in the file; 0 where it does not say."""
    if isinstance(image, TiffImageFile):
        return int(max(image.tag_v2.get(BITSPERSAMPLE, (1,))))
    return data[_DEPTH_OF_PNG] if data[12:16] == b"IHDR" else 0


def _is_inverted(image: Image.Image) -> bool:
    return isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO


def _has_second_page(image: Image.Image) -> bool:
    try:
        image.seek(1)
    except EOFError:
        return False
    return True
