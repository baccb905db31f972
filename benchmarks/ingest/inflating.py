"""Members of a zip by zlib, as Python has it, or by ISA-L, as our readers have it; without any check of ours."""

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from isal import igzip_lib

LIBRARIES = ("zlib", "isal")
LOCAL_HEADER_BYTES = 30


def members(path: Path, library: str) -> Iterator[tuple[str, bytes]]:
    """Name and unpacked bytes of each member."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if library == "zlib":
                yield info.filename, archive.read(info)
            else:
                packed = packed_bytes(archive, info)
                yield info.filename, igzip_lib.decompress(packed) if info.compress_type else packed


def packed_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member as it is stored, behind its local header."""
    assert archive.fp is not None
    archive.fp.seek(info.header_offset)
    name_bytes, extra_bytes = struct.unpack_from("<HH", archive.fp.read(LOCAL_HEADER_BYTES), 26)
    archive.fp.seek(name_bytes + extra_bytes, 1)
    return archive.fp.read(info.compress_size)
