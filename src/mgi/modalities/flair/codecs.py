"""Which transfer syntaxes are read, and by which decoder: pydicom and Pillow alone, or with the extra `codecs`.

The extra's imagecodecs decodes JPEG-LS, lossless JPEG and 12-bit JPEG (decision 009). Of a decoder pydicom wants
`is_available`, `DECODER_DEPENDENCIES`, and a function from one frame's bytes to pixels.
"""

import struct
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels import get_decoder

from mgi.core.errors import BadInputError, ResourceError

try:
    import imagecodecs
except ImportError:  # the extra is optional; require_decoder says what to install
    imagecodecs = None

UNCOMPRESSED = frozenset({uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian})
BY_PILLOW = frozenset({uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEG2000})
JPEG_LS = frozenset({uid.JPEGLSLossless, uid.JPEGLSNearLossless})
BY_EXTRA = JPEG_LS | {uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1}
DECODER_DEPENDENCIES = dict.fromkeys(BY_EXTRA, ("imagecodecs",))
# Deflated Explicit VR is absent on purpose: 389 kB of it inflate to gigabytes before any tag can be read.
TRANSFER_SYNTAXES = UNCOMPRESSED | {uid.RLELossless} | BY_PILLOW | BY_EXTRA
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}  # SOF0 to SOF15, and SOF55 of JPEG-LS
_PLUGIN = "mgi"
_LOCK = threading.Lock()


def register_decoders() -> None:
    """Tell pydicom of our decoder for the syntaxes of the extra; a second call changes nothing."""
    with _LOCK:
        for syntax in sorted(BY_EXTRA):
            decoder = get_decoder(syntax)
            known = (*decoder.available_plugins, *(text.split(" - ")[0] for text in decoder.missing_dependencies))
            if _PLUGIN not in known:
                decoder.add_plugin(_PLUGIN, (__name__, decode_frame.__name__))


def require_decoder(syntax: str | None, where: str) -> None:
    """Pass a transfer syntax that can be decoded here.

    Raises BadInputError for one that is never read, ResourceError with what to install for one that could be.
    """
    name = uid.UID(str(syntax)).name if syntax else "none"
    if syntax not in TRANSFER_SYNTAXES:
        raise BadInputError(f"{where}: TransferSyntaxUID {name}, expected an uncompressed, RLE or JPEG syntax")
    if syntax in BY_EXTRA:
        register_decoders()
    if not get_decoder(str(syntax)).is_available:
        raise ResourceError(f"{where}: TransferSyntaxUID {name}: no decoder installed; pip install imagecodecs")


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
    decode = imagecodecs.jpegls_decode if runner.transfer_syntax in JPEG_LS else imagecodecs.jpeg8_decode
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
            rows, columns = struct.unpack_from(">HH", frame, offset + 5)
            return rows, columns
        offset += 1 if marker == 0xFF else 2 + length
    return None
