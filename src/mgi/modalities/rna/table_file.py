"""A table of text labels and numbers from Parquet, TSV or CSV (text plain or gzipped), column by column."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.gzips import LimitedGzip

SEPARATORS = {".tsv": "\t", ".txt": "\t", ".csv": ","}
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
BLOCK_BYTES = 1 << 24  # a line must fit: 60,660 genes of one sample are about 1 MB
_FIRST_LINE_BYTES = 1 << 24

# Which columns hold numbers, given the names of all.
Numeric = Callable[[Sequence[str]], Sequence[bool]]


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """Columns in the file's order, names as written (they may repeat): numbers as float64, all else as text."""

    names: list[str]
    columns: list[pa.ChunkedArray]

    def numbers(self, index: int) -> NDArray[np.float64]:
        """Return a numeric column, NaN where a value is missing."""
        return np.asarray(self.columns[index].to_numpy(), np.float64)

    def texts(self, index: int) -> list[str]:
        """Return a text column without blanks around it, empty where a value is missing."""
        return [(text or "").strip() for text in self.columns[index].to_pylist()]


def read_table_file(path: Path, numeric: Numeric) -> TableFile:
    """Read a table; Parquet's own row labels come first.

    Raises BadInputError naming file and position for an unknown ending, a damaged file, rows of unequal length or a
    value of a numeric column that is not a number.
    """
    endings = [ending.lower() for ending in path.suffixes]
    compressed = endings[-1:] == [".gz"]
    kind = next(iter((endings[:-1] if compressed else endings)[-1:]), "")
    if kind == ".parquet" and not compressed:
        return _read_parquet(path, numeric)
    if kind not in SEPARATORS:
        raise BadInputError(f"{path}: expected a name that ends in .parquet, .tsv, .txt or .csv (.gz allowed)")
    try:
        return _read_text(path, SEPARATORS[kind], numeric, compressed=compressed)
    except gzip.BadGzipFile as error:
        raise BadInputError(f"{path}: not gzip ({error})") from None
    except (pa.ArrowException, UnicodeDecodeError, EOFError, zlib.error, csv.Error) as error:
        raise BadInputError(f"{path}: not a table ({' '.join(str(error).split())[:160]})") from None


def _read_parquet(path: Path, numeric: Numeric) -> TableFile:
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        table.validate(full=True)
        stored = [str(name) for name in table.column_names]
        about = table.schema.pandas_metadata
        labels = about.get("index_columns") if isinstance(about, dict) else None  # pandas writes none for a plain count
        labels = labels if isinstance(labels, list) else []
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise BadInputError(f"{path}: truncated or not Parquet ({' '.join(str(error).split())[:160]})") from None
    if not table.num_rows or len(stored) < 2:
        raise BadInputError(f"{path}: no rows or no columns")
    indexes = sorted(range(len(stored)), key=lambda index: stored[index] not in labels)
    names = [stored[index] for index in indexes]
    columns = []
    for name, index, wanted in zip(names, indexes, numeric(names), strict=True):
        column, kind = table.column(index), pa.float64() if wanted else pa.string()
        try:
            columns.append(column.cast(kind))
        except pa.ArrowException:
            raise BadInputError(f"{path}: column {name}: type {column.type}, expected {kind}") from None
    return TableFile(names=names, columns=columns)


def _read_text(path: Path, separator: str, numeric: Numeric, *, compressed: bool) -> TableFile:
    with LimitedGzip(path) if compressed else path.open("rb") as source:
        names = _names_of(source, separator)
        if len(names) < 2:
            raise BadInputError(f"{path}: no rows or no columns")
        wanted = list(numeric(names))
        parse = pa_csv.ParseOptions(delimiter=separator)
        numbered = [str(index) for index in range(len(names))]  # names may repeat, indexes do not
        reading = pa_csv.ReadOptions(column_names=numbered, skip_rows=1, block_size=BLOCK_BYTES, use_threads=False)
        source.seek(0)
        try:
            table = pa_csv.read_csv(source, reading, parse, _conversion(wanted))
        except pa.ArrowInvalid as error:
            if "conversion error" not in str(error):
                raise
            source.seek(0)
            table = pa_csv.read_csv(source, reading, parse, _conversion([False] * len(names)))
            raise BadInputError(f"{path}: {_first_odd(table, names, wanted)}") from None
    if not table.num_rows:
        raise BadInputError(f"{path}: no rows or no columns")
    return TableFile(names=names, columns=table.columns)


def _names_of(source: io.BufferedIOBase, separator: str) -> list[str]:
    """Return the header, with an empty name in front where rows have a label that the header does not count (R's
    habit).
    """
    lines = [source.readline(_FIRST_LINE_BYTES).decode("utf-8-sig") for _ in range(2)]
    header, first = ([*csv.reader(io.StringIO(line), delimiter=separator), []][0] for line in lines)
    return ["", *header] if len(first) == len(header) + 1 else header


def _conversion(numeric: Sequence[bool]) -> pa_csv.ConvertOptions:
    types = {str(index): pa.float64() if wanted else pa.string() for index, wanted in enumerate(numeric)}
    return pa_csv.ConvertOptions(
        column_types=types, null_values=list(MISSING), strings_can_be_null=False, quoted_strings_can_be_null=True
    )


def _first_odd(table: pa.Table, names: Sequence[str], numeric: Sequence[bool]) -> str:
    """Return where the first value stands that is not a number, by column name and the row's first label."""
    label = next(index for index, wanted in enumerate(numeric) if not wanted)
    for name, column, wanted in zip(names, table.columns, numeric, strict=True):
        for row, text in enumerate(column.to_pylist() if wanted else ()):
            if text not in MISSING and not _is_number(text):
                return f"column {name}, row {table.columns[label][row].as_py()}: found {text!r}, expected a number"
    return "a value that is not a number"


def _is_number(text: str) -> bool:
    try:
        pc.cast(pa.scalar(text.strip()), pa.float64())
    except pa.ArrowInvalid:
        return False
    return True
