"""A user's table from TSV or CSV, some rows at a time."""

import csv
import gzip
import logging
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.file_kind import START_BYTES, kind_of_bytes
from mgi.core.gzips import LimitedGzip
from mgi.tables.separator import header_of, is_number, says
from mgi.tables.table_parts import TableFile, Use, Uses, narrowed, require_room

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
BLOCK_BYTES = 1 << 24  # a line must fit: 60,660 genes of one sample are about 1 MB
_BAD_COLUMN = re.compile(r"CSV column #(\d+)")
_log = logging.getLogger(__name__)


def read_text(path: Path, separator: str, uses: Uses, *, gzipped: bool) -> TableFile:
    """Read the columns that are used; `separator` is the one that the file's name promises."""
    with _one_line_errors(path), LimitedGzip(path) if gzipped else path.open("rb") as source:
        if gzipped and (kind := kind_of_bytes(source.read(START_BYTES))) is not None:
            raise BadInputError(f"{path}: looks like {kind} inside of the gzip, expected a table")
        source.seek(0)
        header = header_of(source, separator, path)
        if header.separator != separator:
            _log.warning("%s: read with %s between columns", path.name, says(header.separator))
        if not header.names:
            raise BadInputError(f"{path}: line 1 is blank, expected the names of the columns")
        used = uses(header.names, [not is_number(cell) and cell not in MISSING for cell in header.first_row])
        source.seek(0)
        try:
            return _read(source, header.separator, header.names, used, path)
        except pa.ArrowInvalid as error:
            if "conversion error" not in str(error) or (found := _BAD_COLUMN.search(str(error))) is None:
                raise
            column = int(found[1])
            source.seek(0)
            odd = _first_odd(source, header.separator, header.names, used, column)
        raise BadInputError(f"{path}: column {header.names[column]}{odd}")


def _read(source: Any, separator: str, names: list[str], used: Sequence[Use], path: Path) -> TableFile:
    numeric = [index for index, use in enumerate(used) if use == "number"]
    textual = [index for index, use in enumerate(used) if use == "text"]
    blocks: list[NDArray[np.float32]] = []
    labels: dict[int, list[str]] = {index: [] for index in textual}
    infinite, n_rows = None, 0
    for batch in _batches(source, separator, names, numeric, textual):
        if numeric:
            tensor = batch.select([str(index) for index in numeric]).to_tensor(null_to_nan=True)
            block, found = narrowed(tensor.to_numpy().T, numeric, n_rows)
            infinite = infinite or found
            blocks.append(block)
        for index in textual:
            labels[index] += [(text or "").strip() for text in batch.column(str(index)).to_pylist()]
        n_rows += batch.num_rows
        require_room(len(numeric), n_rows, path)
    if not n_rows:
        raise BadInputError(f"{path}: no rows or no columns")
    return TableFile(
        names=names,
        labels=labels,
        row_of={index: row for row, index in enumerate(numeric)},
        values=_joined(blocks, len(numeric), n_rows),
        infinite=infinite,
    )


def _joined(blocks: list[NDArray[np.float32]], n_columns: int, n_rows: int) -> NDArray[np.float32]:
    """Return the blocks as one; each is let go when it was copied, so that no table is there twice."""
    values = np.empty((n_columns, n_rows), np.float32)
    start = n_rows
    while blocks:
        block = blocks.pop()
        values[:, start - block.shape[1] : start] = block
        start -= block.shape[1]
    return values


def _batches(
    source: Any, separator: str, names: Sequence[str], numeric: Sequence[int], textual: Sequence[int]
) -> Iterator[pa.RecordBatch]:
    numbered = [str(index) for index in range(len(names))]  # names may repeat, indexes do not
    types = {str(index): pa.float64() for index in numeric} | {str(index): pa.string() for index in textual}
    conversion = pa_csv.ConvertOptions(
        column_types=types,
        include_columns=sorted(types, key=int),
        null_values=list(MISSING),
        strings_can_be_null=False,
        quoted_strings_can_be_null=True,
    )
    reading = pa_csv.ReadOptions(column_names=numbered, skip_rows=1, block_size=BLOCK_BYTES, use_threads=False)
    with pa_csv.open_csv(source, reading, pa_csv.ParseOptions(delimiter=separator), conversion) as stream:
        yield from stream


def _first_odd(source: Any, separator: str, names: Sequence[str], used: Sequence[Use], column: int) -> str:
    """Return the row, by its label, and the first value of a column that is not a number."""
    label = next((index for index, use in enumerate(used) if use == "text"), 0)
    n_rows = 0
    for batch in _batches(source, separator, names, [], sorted({label, column})):
        texts, rows = (batch.column(str(index)).to_pylist() for index in (column, label))
        for text, row in zip(texts, rows, strict=True):
            n_rows += 1
            if text not in MISSING and not is_number(text):
                comma = re.fullmatch(r"\s*[-+]?\d+,\d+\s*", text) is not None
                hint = " with a point, not a decimal comma" if comma else ""
                return f", row {row or n_rows}: found {text[:80]!r}, expected a number{hint}"
    return ": a value that is not a number"


@contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except gzip.BadGzipFile as error:
        raise BadInputError(f"{path}: not gzip ({error})") from None
    except MemoryError:
        raise  # Arrow's is an ArrowException too, and says nothing of the table
    except (pa.ArrowException, UnicodeDecodeError, EOFError, zlib.error, csv.Error) as error:
        raise BadInputError(f"{path}: not a table ({' '.join(str(error).split())[:160]})") from None
