"""Write directories of pixels as one TIFF: tiles or strips, deflated, JPEG or JPEG 2000.

Only what a scanner's file needs, so that zlib and Pillow do. Sources: TIFF 6.0 (1992); its Technical Note 2 for JPEG;
compression 33003 is Aperio's, a JPEG 2000 codestream of YCbCr a tile. The file is below 4 GiB and little endian.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi_standin.simulation.slides_stain import GLASS

Compression = Literal["deflate", "jpeg", "jpeg2000"]
Pixels = NDArray[np.uint8]
_TAG_OF = {"deflate": 8, "jpeg": 7, "jpeg2000": 33003}
_RGB, _YCBCR = 2, 6
_SHORT, _LONG, _ASCII = 3, 4, 2
_SIZE = {_SHORT: 2, _LONG: 4, _ASCII: 1}
_PACK = {_SHORT: "H", _LONG: "I"}
_QUALITY = 80


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Pixels (H, W, 3) with their description, in square tiles of this side or, where it is None, in one strip."""

    pixels: Pixels
    description: str
    tile: int | None = None
    compression: Compression = "deflate"


def write_tiff(path: Path, directories: Sequence[Directory], garbled: int = 0) -> None:
    """Write the directories one behind the other; in the first, `garbled` blocks from the middle are noise."""
    with path.open("wb") as file:
        file.write(struct.pack("<2sHI", b"II", 42, 0))
        link = 4  # where the place of the next directory is to stand
        for index, directory in enumerate(directories):
            blocks = list(_blocks(directory))
            if index == 0 and garbled:
                first = _middle(directory)
                blocks[first : first + garbled] = [b"\x5a" * len(one) for one in blocks[first : first + garbled]]
            offsets = []
            for block in blocks:
                offsets.append(file.tell())
                file.write(block)
            file.write(b"\0" * (file.tell() % 2))  # a directory begins at an even place
            start = file.tell()
            text = _directory(_entries(directory, offsets, [len(one) for one in blocks]), start)
            file.write(text)
            end = file.tell()
            file.seek(link)
            file.write(struct.pack("<I", start))
            file.seek(end)
            link = start + 2 + 12 * struct.unpack("<H", text[:2])[0]


def _blocks(directory: Directory) -> Iterator[bytes]:
    """The tiles of a directory row by row, or its one strip, compressed."""
    pixels, tile = directory.pixels, directory.tile
    if tile is None:
        yield _compressed(pixels, directory.compression)
        return
    for top in range(0, pixels.shape[0], tile):
        for left in range(0, pixels.shape[1], tile):
            part = pixels[top : top + tile, left : left + tile]
            full = np.full((tile, tile, 3), int(GLASS), np.uint8)
            full[: part.shape[0], : part.shape[1]] = part
            yield _compressed(full, directory.compression)


def _middle(directory: Directory) -> int:
    """The number of the block at the middle of the image."""
    if directory.tile is None:
        return 0
    rows, cols = (-(-int(side) // directory.tile) for side in directory.pixels.shape[:2])
    return rows // 2 * cols + cols // 2


def _compressed(pixels: Pixels, compression: Compression) -> bytes:
    if compression == "deflate":
        return zlib.compress(pixels.tobytes(), 6)
    encoded = io.BytesIO()
    if compression == "jpeg":
        Image.fromarray(pixels).save(encoded, "JPEG", quality=_QUALITY, subsampling=0)
    else:
        Image.fromarray(pixels).convert("YCbCr").save(encoded, "JPEG2000", no_jp2=True, mct=0)
    return encoded.getvalue()


def _entries(directory: Directory, offsets: list[int], counts: list[int]) -> dict[int, tuple[int, Any]]:
    """Type and values of each entry of a directory by tag."""
    height, width, _ = directory.pixels.shape
    entries = {
        254: (_LONG, [0]),
        256: (_LONG, [width]),
        257: (_LONG, [height]),
        258: (_SHORT, [8, 8, 8]),
        259: (_SHORT, [_TAG_OF[directory.compression]]),
        262: (_SHORT, [_RGB if directory.compression == "deflate" else _YCBCR]),
        270: (_ASCII, directory.description.encode("ascii") + b"\0"),
        277: (_SHORT, [3]),
        284: (_SHORT, [1]),
    }
    if directory.compression != "deflate":
        entries[530] = (_SHORT, [1, 1])  # colour is stored at full resolution
    if directory.tile is None:
        return entries | {273: (_LONG, offsets), 278: (_LONG, [height]), 279: (_LONG, counts)}
    side = [directory.tile]
    return entries | {322: (_LONG, side), 323: (_LONG, side), 324: (_LONG, offsets), 325: (_LONG, counts)}


def _directory(entries: dict[int, tuple[int, Any]], start: int) -> bytes:
    """The bytes of a directory at this place of the file, long values behind it; the link to the next one is 0."""
    head, behind = struct.pack("<H", len(entries)), b""
    free = start + 2 + 12 * len(entries) + 4
    for tag, (kind, values) in sorted(entries.items()):
        data = values if kind == _ASCII else struct.pack(f"<{len(values)}{_PACK[kind]}", *values)
        head += struct.pack("<HHI", tag, kind, len(data) // _SIZE[kind])
        if len(data) <= 4:
            head += data.ljust(4, b"\0")
        else:
            head += struct.pack("<I", free + len(behind))
            behind += data + b"\0" * (len(data) % 2)
    return head + struct.pack("<I", 0) + behind
