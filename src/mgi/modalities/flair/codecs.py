"""Which transfer syntaxes are read, and by which decoder: pydicom and Pillow alone, or with the extra `mgi[codecs]`."""

import threading

from pydicom import uid
from pydicom.pixels import get_decoder

from mgi.core.errors import BadInputError, ResourceError
from mgi.modalities.flair import jpeg_decoder

UNCOMPRESSED = frozenset({uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian})
BY_PILLOW = frozenset({uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEG2000})
BY_EXTRA = frozenset(
    {uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEGLSNearLossless}
)
# Deflated Explicit VR is absent on purpose: 389 kB of it inflate to gigabytes before any tag can be read.
TRANSFER_SYNTAXES = UNCOMPRESSED | {uid.RLELossless} | BY_PILLOW | BY_EXTRA
_PLUGIN = "mgi"
_LOCK = threading.Lock()


def register_decoders() -> None:
    """Tell pydicom of our decoder for the syntaxes of the extra; a second call changes nothing."""
    with _LOCK:
        for syntax in sorted(BY_EXTRA):
            decoder = get_decoder(syntax)
            known = (*decoder.available_plugins, *(text.split(" - ")[0] for text in decoder.missing_dependencies))
            if _PLUGIN not in known:
                decoder.add_plugin(_PLUGIN, (jpeg_decoder.__name__, jpeg_decoder.decode_frame.__name__))


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
        raise ResourceError(f"{where}: TransferSyntaxUID {name}: no decoder installed; pip install 'mgi[codecs]'")
