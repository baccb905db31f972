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
DECODER_DEPENDENCIES = dict.fromkeys(_JPEG_LS | _JPEG, ("imagecodecs",))


def is_available(syntax: str) -> bool:
    """Whether frames of this transfer syntax can be decoded here."""
    return imagecodecs is not None and syntax in DECODER_DEPENDENCIES


def decode_frame(frame: bytes, runner: Any) -> bytes:
    """The pixels of one frame, little endian; the runner learns how wide they came out.

    Raises ValueError where the frame is of another size than the file says: its header is not to be trusted.
    """
    decode = imagecodecs.jpegls_decode if runner.transfer_syntax in _JPEG_LS else imagecodecs.jpeg8_decode
    pixels: NDArray[Any] = np.asarray(decode(frame))
    expected = (runner.rows, runner.columns) + ((runner.samples_per_pixel,) if runner.samples_per_pixel > 1 else ())
    if pixels.shape != expected:
        raise ValueError(f"frame of {pixels.shape}, expected {expected}")
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    return pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
