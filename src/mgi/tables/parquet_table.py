"""A user's table from Parquet, some columns at a time: Arrow needs kilobytes for each column that it has open."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mgi.core.errors import BadInputError
from mgi.core.memory import is_false_claim
from mgi.tables.table_parts import TableFile, Uses, narrowed, require_room

COLUMNS_AT_ONCE = 1000
_VALUES_AT_ONCE = 8_000_000
# What a row group may unpack to: numbers, what Parquet says of each column, and labels.
_BYTES_PER_VALUE, _BYTES_PER_COLUMN, _BYTES_OF_LABELS = 16, 2_000, 256 << 20
_LONGEST_LABEL = 10_000


def read_parquet(path: Path, uses: Uses) -> TableFile:
    """Read the columns that are used; pandas' row labels come first."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as source:
            return _read(source, path, uses)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        if isinstance(error, MemoryError) and not is_false_claim(error, path):
            raise
        raise BadInputError(f"{path}: truncated or not Parquet ({' '.join(str(error).split())[:160]})") from None


def _read(source: pq.ParquetFile, path: Path, uses: Uses) -> TableFile:
    schema, n_rows = source.schema_arrow, source.metadata.num_rows
    stored = [str(name) for name in schema.names]
    if not n_rows or len(stored) < 2:
        raise BadInputError(f"{path}: no rows or no columns")
    for field in schema:
        if pa.types.is_nested(field.type):
            raise BadInputError(f"{path}: column {field.name}: type {field.type}, expected a number or text each row")
    require_room(len(stored), n_rows, path)
    _require_modest(source, len(stored), path)
    row_labels = set(_row_labels(schema.pandas_metadata))
    order = sorted(range(len(stored)), key=lambda index: stored[index] not in row_labels)
    names = [stored[index] for index in order]
    used = uses(names, [_is_text(schema.field(index).type) for index in order])
    numeric = [place for place, use in enumerate(used) if use == "number"]
    labels = {place: _texts(path, order[place], names[place]) for place, use in enumerate(used) if use == "text"}
    values = np.empty((len(numeric), n_rows), np.float32)
    infinite = None
    step = max(1, min(COLUMNS_AT_ONCE, _VALUES_AT_ONCE // n_rows))
    for start in range(0, len(numeric), step):
        places = numeric[start : start + step]
        wide = np.array(_numbers(source, [order[place] for place in places], [names[place] for place in places], path))
        values[start : start + step], found = narrowed(wide, places, 0)
        infinite = infinite or found
    return TableFile(
        names=names,
        labels=labels,
        row_of={place: row for row, place in enumerate(numeric)},
        values=values,
        infinite=infinite,
    )


def _numbers(source: pq.ParquetFile, indexes: list[int], names: list[str], path: Path) -> list[Any]:
    table = source.reader.read_all(column_indices=indexes, use_threads=False)  # by index: names may have points
    table.validate(full=True)
    columns = []
    for name, column in zip(names, table.columns, strict=True):
        try:
            columns.append(np.asarray(column.cast(pa.float64()).to_numpy(), np.float64))
        except MemoryError:
            raise
        except pa.ArrowException:
            raise BadInputError(f"{path}: column {name}: type {column.type}, expected {pa.float64()}") from None
    return columns


def _texts(path: Path, index: int, name: str) -> list[str]:
    """Return one column as text; a dictionary stays one until each of its labels is known to be short."""
    with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=[name]) as source:
        column = source.reader.read_all(column_indices=[index], use_threads=False).column(0)
    column.validate(full=True)
    if len(column) != (expected := source.metadata.num_rows):
        raise BadInputError(f"{path}: column {name}: damaged: found {len(column)} rows, expected {expected}")
    for chunk in column.chunks:
        words = chunk.dictionary if isinstance(chunk, pa.DictionaryArray) else chunk
        if _is_text(words.type) and max((len(text or "") for text in words.to_pylist()), default=0) > _LONGEST_LABEL:
            raise BadInputError(f"{path}: column {name}: a label of more than {_LONGEST_LABEL} characters")
    try:
        return [(text or "").strip() for text in column.cast(pa.string()).to_pylist()]
    except MemoryError:
        raise
    except pa.ArrowException:
        raise BadInputError(f"{path}: column {name}: type {column.type}, expected {pa.string()}") from None


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _require_modest(source: pq.ParquetFile, n_columns: int, path: Path) -> None:
    """Refuse a row group that would unpack to far more than its values take: a bomb, or a table of something else."""
    for number in range(source.num_row_groups):
        group = source.metadata.row_group(number)
        most = n_columns * (group.num_rows * _BYTES_PER_VALUE + _BYTES_PER_COLUMN) + _BYTES_OF_LABELS
        if group.total_byte_size > most:
            raise BadInputError(
                f"{path}: row group {number} unpacks to {group.total_byte_size} bytes, expected at most {most} for "
                f"{group.num_rows} rows x {n_columns} columns"
            )


def _row_labels(pandas_metadata: Any) -> list[Any]:
    """Return the names of the columns that pandas would take for the index; it writes none for a plain count."""
    stored = pandas_metadata.get("index_columns") if isinstance(pandas_metadata, dict) else None
    return [name for name in stored if isinstance(name, str)] if isinstance(stored, list) else []
