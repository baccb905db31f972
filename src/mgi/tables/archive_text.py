"""Strict reader of the tab-separated tables that an archive's own programs write: what they cannot write is refused.

Arrow parses 13 MB in some 40 ms. It alone would let pass a blank around a number, `nan`, a byte order mark, a file
glued to itself and a last line without its end; these are looked for here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.text import printable

TEXT, COUNT, NUMBER = pa.string(), pa.int64(), pa.float64()
MISSING = "NA"
_FOREIGN = ((b"\0", "a NUL byte"), (b"\r", "a carriage return"))
_BLANK_AT_EDGE = re.compile(rb"(?:^|[\t\n]) | (?:[\t\n]|$)")
_PLACED = re.compile(r"Row #(\d+): (.*)")


@dataclass(frozen=True, kw_only=True)
class ArchiveText:
    """A table as it was read: the columns by name, the first row in line `first_line` of `path`."""

    path: Path | str
    first_line: int
    table: pa.Table

    def line_of(self, row: int) -> str:
        """The place of a row in the file, for messages."""
        return f"{self.path}: line {self.first_line + row}"

    def numbers(self, name: str, low: float = -np.inf, high: float = np.inf) -> NDArray[np.float64]:
        """A column of numbers, NaN where the file says NA.

        Raises BadInputError naming line and row where one is no finite number from `low` to `high`.
        """
        column = self.table[name]
        values = np.asarray(column.to_numpy(), np.float64)
        # NaN passes no comparison: what is outside is counted against what the file states as missing.
        outside = ~((values >= low) & (values <= high) & np.isfinite(values))
        if int(outside.sum()) != column.null_count:
            stated = np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), bool)
            row = int(np.flatnonzero(outside & ~stated)[0])
            bounds = "a finite number" if np.isinf(low) else _bounds(low, high)
            label = printable(self.table[0][row].as_py(), 60)
            raise BadInputError(f"{self.line_of(row)}: {name} of {label}: found {values[row]}, expected {bounds}")
        return values

    def refuse_odd(self, name: str, pattern: str, expected: str) -> None:
        """Raise BadInputError naming line and value where a column of text has one that does not match."""
        if not pc.all(matches := pc.match_substring_regex(self.table[name], pattern)).as_py():
            row = pc.index(matches, False).as_py()
            found = printable(repr(self.table[name][row].as_py()), 80)
            raise BadInputError(f"{self.line_of(row)}: {name} {found}, expected {expected}")

    def refuse_repeated(self, name: str) -> None:
        """Raise BadInputError naming the line where a value of a column is there for the second time."""
        labels = self.table[name].combine_chunks()
        if len(distinct := pc.unique(labels)) == len(labels):
            return
        first_rows = pc.index_in(labels, distinct).to_numpy()
        seen = np.maximum.accumulate(first_rows)
        row = int(np.flatnonzero(first_rows[1:] <= seen[:-1])[0]) + 1
        found = printable(labels[row].as_py(), 80)
        raise BadInputError(f"{self.line_of(row)}: {name} {found}: found twice, expected once")


def read_archive_text(
    path: Path | str, columns: Mapping[str, pa.DataType], *, header: bool = True, missing: str = MISSING
) -> ArchiveText:
    """Read a table of exactly these columns, in this order; numbers may be `missing`, text and counts may not.

    Raises BadInputError naming the file, the line, what was found and what was expected.
    """
    data = Path(path).read_bytes()
    refuse_foreign_bytes(data, path)
    first = data[: data.find(b"\n")]
    start = 0
    if header:
        names = "\t".join(columns).encode()
        if first != names:
            found = printable(first.decode("utf-8", "replace").replace("\t", " "), 120)
            raise BadInputError(f"{path}: line 1: found {found!r}, expected the columns {', '.join(columns)}")
        start = len(first) + 1
        if data.count(b"\n" + names + b"\n"):
            raise BadInputError(f"{path}: two files glued together, expected one header")
    if start == len(data):
        raise BadInputError(f"{path}: no rows after the header, expected one a feature")
    if b" " in data and (blank := _BLANK_AT_EDGE.search(data, start)) is not None:
        line = data.count(b"\n", 0, blank.start() + 1) + 1
        raise BadInputError(f"{path}: line {line}: found a blank at the edge of a value, expected none")
    first_line = 1 + header
    table = _parsed(pa.py_buffer(data).slice(start), columns, path, first_line, missing)
    read = ArchiveText(path=path, first_line=first_line, table=table)
    for name, kind in columns.items():
        if kind != NUMBER and table[name].null_count:
            row = pc.index(pc.is_null(table[name]), True).as_py()
            raise BadInputError(f"{read.line_of(row)}: {name}: found {missing or 'nothing'}, expected a count")
    return read


def refuse_foreign_bytes(data: bytes, path: Path | str, start: str = "tab-separated text") -> None:
    """Refuse bytes that no writer of tab-separated text leaves, and a file without its last newline.

    `start` is what the file should begin with, in words. Raises BadInputError naming the byte.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        raise BadInputError(f"{path}: begins with a byte order mark, expected {start}")
    for value, name in _FOREIGN:
        if (offset := data.find(value)) >= 0:
            raise BadInputError(f"{path}: byte {offset}: found {name}, expected tab-separated text")
    if not data:
        raise BadInputError(f"{path}: an empty file (0 bytes), expected {start}")
    if not data.endswith(b"\n"):
        raise BadInputError(f"{path}: the last line is cut, expected a newline at the end of the file")


def require_same_labels(found: pa.ChunkedArray, first: pa.ChunkedArray, what: str, path: Path | str) -> None:
    """Refuse a file whose labels are not those of the cohort's first file, in its order."""
    if found.equals(first):
        return
    if len(found) != len(first):
        raise BadInputError(f"{path}: {len(found)} {what}s, expected {len(first)} as in the other files")
    row = pc.index(pc.equal(found, first), False).as_py()
    ours, theirs = (printable(one[row].as_py(), 60) for one in (found, first))
    raise BadInputError(f"{path}: {what} {row + 1} is {ours}, expected {theirs} as in the other files")


def _parsed(
    body: pa.Buffer, columns: Mapping[str, pa.DataType], path: Path | str, first_line: int, missing: str
) -> pa.Table:
    """The rows; quotes and `#` are ordinary characters, a number that is not there has the text `missing`."""
    names: Sequence[str] = list(columns)
    try:
        return pa_csv.read_csv(
            pa.BufferReader(body),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=body.size + 1),
            parse_options=pa_csv.ParseOptions(
                delimiter="\t", quote_char=False, escape_char=False, ignore_empty_lines=False
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict(columns), null_values=[missing], strings_can_be_null=False
            ),
        )
    except MemoryError:
        raise  # Arrow's is an ArrowException too, and says nothing of the file
    except pa.ArrowException as error:
        raise BadInputError(f"{path}: {_placed(error, names, first_line)}") from None


def _placed(error: Any, names: Sequence[str], first_line: int) -> str:
    """Arrow's words with the line of the file and the name of the column."""
    said = printable(error)
    if (found := _PLACED.search(said)) is None:
        return said
    column = re.search(r"CSV column #(\d+)", said)
    name = f"{names[int(column[1])]}: " if column is not None and int(column[1]) < len(names) else ""
    why = re.sub(r"^CSV conversion error to \w+: ", "", found[2])
    return f"line {first_line - 1 + int(found[1])}: {name}{why}"


def _bounds(low: float, high: float) -> str:
    return f"a finite number of {low:g} or more" if np.isinf(high) else f"a number from {low:g} to {high:g}"
