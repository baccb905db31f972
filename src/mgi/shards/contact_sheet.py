"""One picture of many slides, each small with words below it: of a part of a shard, and of all parts together."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mgi.core.errors import IntegrityError
from mgi.core.files import atomic_path
from mgi.core.mending import mend_of

SIDE, MARGIN, TEXT = 160, 8, 28
PER_ROW = 8
MOST = 1000  # slides on one sheet
_CELL = (SIDE + MARGIN, SIDE + TEXT + MARGIN)


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A small picture (h, w, 3) of one slide, at most SIDE on a side, with the words below it."""

    pixels: NDArray[np.uint8]
    words: tuple[str, str]


def write_sheet(path: Path, thumbnails: Sequence[Thumbnail]) -> None:
    """Write the picture as PNG, in the order given; beyond MOST slides it says how many more there are."""
    sheet = _blank(len(thumbnails))
    draw = ImageDraw.Draw(sheet)
    for index, one in enumerate(thumbnails[:MOST]):
        x, y = _corner(index)
        sheet.paste(Image.fromarray(one.pixels), (x, y))
        for line, words in enumerate(one.words):
            draw.text((x, y + SIDE + 2 + 12 * line), words, fill="black")
    _save(sheet, path)


def join_sheets(path: Path, places: Sequence[tuple[Path, int]]) -> None:
    """Write one picture of several, as if `write_sheet` had had all: for each slide the picture that has it, and its
    number there, which rises within a picture.

    Raises IntegrityError where a picture cannot be read.
    """
    sheet, of_picture = _blank(len(places)), defaultdict[Path, list[tuple[int, int]]](list)
    for index, (one, number) in enumerate(places[:MOST]):
        of_picture[one].append((index, number))
    for one, own in of_picture.items():  # one picture is in memory at a time
        with ExitStack() as stack:
            opened = _opened(one, stack)
            for index, number in own:
                x, y = _corner(number)
                sheet.paste(opened.crop((x, y, x + SIDE, y + SIDE + TEXT)), _corner(index))
    _save(sheet, path)


def first_slides(path: Path, most: int) -> Image.Image:
    """The sheet as far as the row of the slide of this number. Raises IntegrityError as `join_sheets` does."""
    with ExitStack() as stack:
        sheet = _opened(path, stack)
        return sheet.convert("RGB").crop(
            (0, 0, sheet.width, min(sheet.height, -(-most // PER_ROW) * _CELL[1] + MARGIN))
        )


def pictures_in(path: Path, numbers: Sequence[int]) -> list[NDArray[np.uint8]]:
    """The pictures (h, w, 3) of the slides of these numbers, below MOST, without the white beside them.

    Raises IntegrityError as `join_sheets` does.
    """
    found = []
    with ExitStack() as stack:
        sheet = np.asarray(_opened(path, stack).convert("RGB"), np.uint8)
        for number in numbers:
            x, y = _corner(number)
            cell = sheet[y : y + SIDE, x : x + SIDE]
            drawn: NDArray[np.bool_] = np.any(cell < 255, axis=2)
            rows, columns = (np.flatnonzero(np.any(drawn, axis=axis)) for axis in (1, 0))
            found.append(cell[: rows[-1] + 1, : columns[-1] + 1] if len(rows) else cell[:0, :0])
    return found


def _opened(path: Path, stack: ExitStack) -> Image.Image:
    try:
        found = stack.enter_context(Image.open(path))
        found.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow raises on damage
        raise IntegrityError(f"{path}: not a PNG ({' '.join(str(error).split())[:120]}); {mend_of(path)}") from None
    return found


def _blank(n_slides: int) -> Image.Image:
    """A white sheet for so many slides, which says how many do not fit."""
    shown, left = min(n_slides, MOST), max(0, n_slides - MOST)
    height = -(-shown // PER_ROW) * _CELL[1] + MARGIN
    sheet = Image.new("RGB", (PER_ROW * _CELL[0] + MARGIN, height + (TEXT if left else 0)), "white")
    if left:
        ImageDraw.Draw(sheet).text((MARGIN, height), f"and {left} more slides", fill="black")
    return sheet


def _corner(index: int) -> tuple[int, int]:
    """Where the picture of a slide begins."""
    return MARGIN + (index % PER_ROW) * _CELL[0], MARGIN + (index // PER_ROW) * _CELL[1]


def _save(sheet: Image.Image, path: Path) -> None:
    with atomic_path(path) as part:
        sheet.save(part, "PNG")
