"""JPEG-LS, lossless JPEG and 12-bit JPEG for pydicom, by the libraries in imagecodecs (decision 009).

pydicom's rules for a decoder: `is_available`, `DECODER_DEPENDENCIES`, and a function from one frame's bytes to pixels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid

try:
    import imagecodecs
except ImportError:  # the extra is optional; codecs.require_decoder says what to install
    imagecodecs = None

_JPEG_LS = frozenset({uid.JPEGLSLossless, uid.JPEGLSNearLossless})
_JPEG = frozenset({uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1})
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}  # SOF0 to SOF15, and SOF55 of JPEG-LS
DECODER_DEPENDENCIES = dict.fromkeys(_JPEG_LS | _JPEG, ("imagecodecs",))


def is_available(syntax: str) -> bool:
    """Return whether frames of this transfer syntax can be decoded here."""
    return imagecodecs is not None and syntax in DECODER_DEPENDENCIES


def decode_frame(frame: bytes, runner: Any) -> bytes:
    """Return the pixels of one frame, little endian; the runner learns how wide they came out.

    Raises ValueError, before anything is unpacked, where the frame claims another size than the file: of the file's
    we know that it fits in memory.
    """
    if (size := _frame_size(frame)) != (runner.rows, runner.columns):
        raise ValueError(f"JPEG frame of {size}, expected {(runner.rows, runner.columns)}")
    decode = imagecodecs.jpegls_decode if runner.transfer_syntax in _JPEG_LS else imagecodecs.jpeg8_decode
    pixels: NDArray[Any] = np.asarray(decode(frame))
    expected = (runner.rows, runner.columns) + ((runner.samples_per_pixel,) if runner.samples_per_pixel > 1 else ())
    if pixels.shape != expected:
        raise ValueError(f"pixels of {pixels.shape}, expected {expected}")
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    return pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()


def _frame_size(frame: bytes) -> tuple[int, int] | None:
    """Return rows and columns as the first frame header (SOF) of a JPEG stream claims them, None without one."""
    offset = 2  # behind the start of image
    while offset + 9 <= len(frame) and frame[offset] == 0xFF:
        marker, length = frame[offset + 1], int.from_bytes(frame[offset + 2 : offset + 4], "big")
        if marker in _FRAME_MARKERS:
            return int.from_bytes(frame[offset + 5 : offset + 7], "big"), int.from_bytes(
                frame[offset + 7 : offset + 9], "big"
            )
        offset += 1 if marker == 0xFF else 2 + length
    return None
