"""A tile that cannot lie in its file is refused before OpenSlide asks for its memory."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.slides.tiff_layout import MOST_SIDE, require_sound_tiles

Make = Callable[..., Any]


def tiff(*entries: tuple[int, int, int, int], order: str = "<", big: bool = False, behind: bytes = b"") -> bytes:
    """A file of one directory with these entries (tag, kind, count, value), and the bytes that follow it."""
    mark = b"II" if order == "<" else b"MM"
    if big:
        head, form, count = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, 16), "HHQQ", "Q"
    else:
        head, form, count = mark + struct.pack(f"{order}HI", 42, 8), "HHII", "H"
    body = b"".join(struct.pack(order + form, *entry) for entry in entries)
    return head + struct.pack(order + count, len(entries)) + body + bytes(8 if big else 4) + behind


LONG, LONG8 = 4, 16


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tiff((325, LONG, 1, 4_000_000_000)), "a tile of 4000000000 bytes in a file of "),
        (tiff((279, LONG, 1, 900), order=">"), "a tile of 900 bytes in a file of 26"),
        (tiff((325, LONG8, 1, 1 << 60), big=True), f"a tile of {1 << 60} bytes"),
        (tiff((322, LONG, 1, 100_000)), f"tiles 100000 pixels wide, expected at most {MOST_SIDE}"),
        (tiff((323, LONG, 1, 100_000), big=True), "tiles 100000 pixels high"),
        (tiff((325, LONG, 1 << 30, 20)), "sizes of tiles beyond the end of the file"),
        # Counts that lie behind the directory.
        (tiff((325, LONG, 2, 26), behind=struct.pack("<II", 7, 1 << 31)), f"a tile of {1 << 31} bytes"),
    ],
)
def test_a_tile_larger_than_the_file_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.svs").write_bytes(content)
    with pytest.raises(BadInputError, match=f"^a.svs: {said}"):
        require_sound_tiles(tmp_path / "a.svs")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II",
        b"no TIFF at all",
        tiff((325, LONG, 1, 20), (322, LONG, 1, 240)),
        tiff((325, LONG, 1, 20))[:-7],
        tiff()[:4] + struct.pack("<I", 8) + struct.pack("<HI", 0, 8),  # follows itself
    ],
)
def test_all_else_is_left_to_the_reader(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.svs").write_bytes(content)
    require_sound_tiles(tmp_path / "a.svs")


def test_slides_of_every_compression_are_sound(draw: Make, write: Make, tmp_path: Path) -> None:
    for compression in ("jpeg", "deflate", "jpeg2000"):
        require_sound_tiles(write(tmp_path / "a.svs", draw(), compression=compression))


def test_the_real_slide_is_sound(real: Path) -> None:
    require_sound_tiles(real)
