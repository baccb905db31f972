"""The header of a user's text table, and what stands between its columns."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mgi.core.errors import BadInputError
from mgi.core.ids import barcode_of

_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons"}
_FIRST_LINE_BYTES = 1 << 24
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Header:
    """Names of the columns and the cells of the first row, as many; what separates them."""

    names: list[str]
    first_row: list[str]
    separator: str


def says(separator: str) -> str:
    """What a separator is called."""
    return _NAMES[separator]


def header_of(source: Any, expected: str, path: Path) -> Header:
    """Read the header of a table, with an empty name in front where rows have a label that it does not count (R's
    habit).

    The expected separator is taken, or else the only other one by which header and first row are of one length.
    Raises BadInputError where no separator gives two columns, or where a line is there that is no header.
    """
    header, first = (source.readline(_FIRST_LINE_BYTES).decode("utf-8-sig") for _ in range(2))
    if header.startswith("#") or header.lower().startswith("sep="):
        raise BadInputError(f"{path}: line 1 is {header[:40].strip()!r}, expected the names of the columns; delete it")
    read = {each: (_cells(header, each), _cells(first, each)) for each in _NAMES if each in header + first}
    read.setdefault(expected, ([header.strip()], [first.strip()]))
    fits = [each for each, (names, cells) in read.items() if len(names) > 1 and _go_together(names, cells)]
    others = [each for each in fits if each != expected]
    chosen = others[0] if len(read[expected][0]) < 2 and len(others) == 1 else expected
    names, cells = read[chosen]
    if len(names) < 2 and len(cells) < 2:
        raise BadInputError(f"{path}: no rows or no columns, expected {says(expected)} between columns")
    if len(cells) == len(names) + 1:
        _require_no_decimal_comma(names, chosen, path)
        names = ["", *names]
    return Header(names=names, first_row=cells if len(cells) == len(names) else [""] * len(names), separator=chosen)


def is_number(text: str) -> bool:
    """Return whether a cell is a number as a table has it, with a point."""
    if _PLAIN.fullmatch(text):
        return True
    try:
        pc.cast(pa.scalar(text.strip()), pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def _cells(line: str, separator: str) -> list[str]:
    cells: list[str] = [*csv.reader(io.StringIO(line), delimiter=separator), []][0]
    return cells


def _go_together(names: Sequence[str], cells: Sequence[str]) -> bool:
    return not cells or len(cells) in (len(names), len(names) + 1)


def _require_no_decimal_comma(names: Sequence[str], separator: str, path: Path) -> None:
    """Refuse one sample with decimal commas: its whole parts would be taken for one column, the rest for another."""
    if separator == "," and len(names) == 2 and not all(map(barcode_of, names)):
        raise BadInputError(
            f"{path}: 3 cells below the names {names[0]!r} and {names[1]!r}, expected 2; write numbers with a point, "
            "not a decimal comma, or name the column of labels"
        )
