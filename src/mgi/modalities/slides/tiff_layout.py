"""Whether the tiles that a TIFF claims can lie in it. OpenSlide asks for memory first, and ends the process without.

Sources: TIFF 6.0 (1992), section 2; BigTIFF as libtiff writes it (magic 43, 64 bits).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

MOST_SIDE = 8192  # pixels of a tile
MOST_DIRECTORIES = 1000
_TILE_WIDTH, _TILE_HEIGHT, _STRIP_BYTES, _TILE_BYTES = 322, 323, 279, 325
_SIZE_OF = {3: 2, 4: 4, 16: 8}  # bytes of the whole numbers that a tag may have
CLASSIC_END = 1 << 32
"""Bytes that a classic TIFF can address; longer ones follow rules of their makers (NDPI)."""


@dataclass(frozen=True, kw_only=True)
class _Form:
    """Byte order, and how counts, offsets and entries are stored."""

    order: str
    count: str
    offset: str
    entry: str

    def read(self, file: BinaryIO, kind: str) -> tuple[int, ...]:
        layout = struct.Struct(self.order + kind)
        return layout.unpack(file.read(layout.size))


def require_sound_tiles(path: Path) -> None:
    """Look through the directories of a TIFF; other files, and what is no directory, are left to OpenSlide.

    Raises BadInputError where a tile is larger than the file or than MOST_SIDE pixels on a side, or nobody can say.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            for tags in _directories(file, size, path.name):
                _check(tags, size, path.name)
        except struct.error:
            return  # cut short


def _check(tags: dict[int, NDArray[np.uint64]], size: int, name: str) -> None:
    for tag, what in ((_TILE_WIDTH, "wide"), (_TILE_HEIGHT, "high")):
        if tag in tags and (most := int(tags[tag].max(initial=0))) > MOST_SIDE:
            raise BadInputError(
                f"{name}: tiles {most} pixels {what}, expected at most {MOST_SIDE}; the file is damaged"
            )
    for tag in (_TILE_BYTES, _STRIP_BYTES):
        if tag in tags and (most := int(tags[tag].max(initial=0))) > size:
            raise BadInputError(f"{name}: a tile of {most} bytes in a file of {size}; the file is damaged")


def _directories(file: BinaryIO, size: int, name: str) -> Iterator[dict[int, NDArray[np.uint64]]]:
    """The tags of each directory that are looked at, with their numbers."""
    order = {b"II": "<", b"MM": ">"}.get(file.read(2))
    if order is None:
        return
    (magic,) = struct.unpack(f"{order}H", file.read(2))
    if magic == 42 and size <= CLASSIC_END:
        form = _Form(order=order, count="H", offset="I", entry="HHI4s")
    elif magic == 43:
        form = _Form(order=order, count="Q", offset="Q", entry="HHQ8s")
        file.seek(8)
    else:
        return
    (at,), seen = form.read(file, form.offset), set[int]()
    while at and at < size and at not in seen and len(seen) < MOST_DIRECTORIES:
        seen.add(at)
        file.seek(at)
        (n_entries,) = form.read(file, form.count)
        tags = dict(_tags(file, form, min(n_entries, 1 << 16), size, name))
        yield tags
        file.seek(at + struct.calcsize(order + form.count) + n_entries * struct.calcsize(order + form.entry))
        (at,) = form.read(file, form.offset)


def _tags(
    file: BinaryIO, form: _Form, n_entries: int, size: int, name: str
) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    layout = struct.Struct(form.order + form.entry)
    for tag, kind, count, value in layout.iter_unpack(file.read(n_entries * layout.size)):
        width = _SIZE_OF.get(kind)
        if tag not in (_TILE_WIDTH, _TILE_HEIGHT, _STRIP_BYTES, _TILE_BYTES) or width is None:
            continue
        if count * width <= len(value):
            data = value[: count * width]
        else:
            (place,) = struct.unpack(form.order + form.offset, value)
            if place + count * width > size:
                raise BadInputError(f"{name}: sizes of tiles beyond the end of the file; it is damaged")
            file.seek(place)
            data = file.read(count * width)
        yield tag, np.frombuffer(data, f"{form.order}u{width}").astype(np.uint64)
