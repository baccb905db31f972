"""Parquet with page checksums, written whole or not at all; without them a flipped byte is read as data."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import atomic_path
from mgi.core.run import Run, run_of

WRITING = {"compression": "zstd", "write_page_checksum": True, "version": "2.6"}


def write_table(path: Path | str, table: pa.Table) -> None:
    """Write one table; equal tables give equal bytes."""
    with atomic_path(path) as part:
        pq.write_table(table, part, **WRITING)


@contextmanager
def opened_parquet(path: Path | str) -> Iterator[pq.ParquetFile]:
    """Open a file, which is read through its page checksums.

    Raises IntegrityError where its bytes are damaged or it is not Parquet, BadInputError where it is absent.
    """
    if not Path(path).is_file():
        raise BadInputError(f"{path}: missing, expected a Parquet file")
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as source:
            yield source
    except (pa.ArrowException, OSError, OverflowError, MemoryError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise IntegrityError(f"{path}: damaged or not Parquet ({reason}); delete it and run again") from None


def read_table(path: Path | str, schema: pa.Schema) -> pa.Table:
    """Read a table that must have exactly the columns of `schema`; its metadata stays on the result."""
    with opened_parquet(path) as source:
        require_schema(source.schema_arrow, schema, path)
        table = source.read()
        table.validate(full=True)
        return table


def require_schema(found: pa.Schema, expected: pa.Schema, path: Path | str) -> None:
    """Refuse other columns, types or order than expected."""
    if found.names != expected.names:
        raise BadInputError(f"{path}: columns {', '.join(found.names)}; expected {', '.join(expected.names)}")
    for column in expected:
        # Parquet names the items of a list itself; only their type counts.
        if not found.field(column.name).type.equals(column.type):
            raise BadInputError(f"{path}: {column.name}: type {found.field(column.name).type}, expected {column.type}")


def metadata_of(schema: pa.Schema, path: Path | str, names: Sequence[str]) -> dict[str, str]:
    """Return named text entries of a schema's metadata."""
    given = schema.metadata or {}
    if missing := [name for name in names if name.encode() not in given]:
        raise BadInputError(f"{path}: schema metadata {missing[0]!r} is missing")
    try:
        return {name: given[name.encode()].decode() for name in names}
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path}: schema metadata is damaged ({error}); delete it and run again") from None


def run_in(path: Path | str) -> Run:
    """The run that made a Parquet file, from its schema's metadata."""
    with opened_parquet(path) as source:
        return run_of(source.schema_arrow.metadata or {}, str(path))
