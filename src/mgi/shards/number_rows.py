"""Rows of numbers, one a patient, as lists of one length in Parquet: how every shard of a table is written and read."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.shards.parquet import WRITING, opened_parquet, read_rows

ROW_GROUP = 32  # patients; 8 MB at 60,660 genes
# Dictionaries of measured numbers only cost time.
_WRITING = {**WRITING, "use_dictionary": False}

Numbers = tuple[str, tuple[NDArray[Any], ...]]
"""A patient's id and one vector for each column of lists, in the order of the schema."""


def write_number_rows(path: Path | str, schema: pa.Schema, rows: Iterable[Numbers]) -> None:
    """Write patients in the order given; no more than one row group of them is held.

    The file appears when the last row is written.
    """
    left = iter(rows)
    with atomic_path(path) as part, pq.ParquetWriter(part, schema, **_WRITING) as file:
        while group := list(islice(left, ROW_GROUP)):
            ids, vectors = zip(*group, strict=True)
            columns: list[pa.Array] = [pa.array(ids, pa.string())]
            for field, several in zip(list(schema)[1:], zip(*vectors, strict=True), strict=True):
                flat = pa.array(np.concatenate(several))
                columns.append(pa.FixedSizeListArray.from_arrays(flat, field.type.list_size))
            file.write_table(pa.table(columns, schema=schema))


def row_groups(
    path: Path, name: str, width: int, wanted: Collection[int] | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Row numbers (k,) and their lists of column `name` (k, width), in the order of the file, a row group at a time.

    `wanted` narrows it to some rows. Raises BadInputError where a row or a number is null.
    """
    chosen = None if wanted is None else np.fromiter(sorted(wanted), np.int64, len(wanted))
    with opened_parquet(path, sealed=False) as source:
        start = 0
        for group in range(source.num_row_groups):
            stop = start + source.metadata.row_group(group).num_rows
            rows = np.arange(start, stop) if chosen is None else chosen[(chosen >= start) & (chosen < stop)]
            if len(rows):
                found = _matrix(read_rows(source, path, [name], group)[name], name, width, path)
                yield rows, found if len(rows) == stop - start else found[rows - start]
            start = stop


def read_ids(path: Path, source: pq.ParquetFile) -> list[str]:
    """The patients of an open file; BadInputError where they are not sorted or not unique."""
    ids: list[str] = read_rows(source, path, ["patient_id"])["patient_id"].to_pylist()
    if ids != sorted(set(ids)):
        raise BadInputError(f"{path}: patient_id: expected sorted, unique patients")
    return ids


def rows_of(known: Sequence[str], patients: Sequence[str], where: str, what: str) -> list[int]:
    """The row of each patient; BadInputError names the first who has none, `what` being what he lacks."""
    row_of = {patient: row for row, patient in enumerate(known)}
    if absent := [patient for patient in patients if patient not in row_of]:
        raise BadInputError(f"{where}: no {what} of {absent[0]}, who is in the split")
    return [row_of[patient] for patient in patients]


def _matrix(column: pa.ChunkedArray, name: str, width: int, path: Path) -> NDArray[Any]:
    """Return a column of lists as a matrix (k, width)."""
    if column.null_count:
        raise BadInputError(f"{path}: {name}: {column.null_count} null rows, expected none")
    flat = [chunk.flatten() for chunk in column.chunks]
    if missing := sum(one.null_count for one in flat):
        raise BadInputError(f"{path}: {name}: {missing} missing values, expected none")
    return np.concatenate([one.to_numpy().reshape(-1, width) for one in flat])
