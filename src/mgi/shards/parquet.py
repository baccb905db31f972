"""Parquet with page checksums, written whole or not at all; without them a flipped byte is read as data.

Page checksums cover neither the footer nor the headers of pages. So a table that stands alone has the SHA-256 of all
its other bytes just before its footer, where no reader of Parquet looks; a shard has its dataset.json instead.

Images and masks are binary columns, without a copy on the way in. Pixels wider than a byte are byte-shuffled: first the
lowest bytes of all pixels, then the next. The high bytes of an MR image hardly change from pixel to pixel and compress
well: a series becomes a fifth smaller and is written in less than half the time.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import atomic_path
from mgi.core.memory import is_false_claim
from mgi.core.mending import mend_of
from mgi.core.origins import Origins, origins_of, require_origins
from mgi.core.run import Run, run_of

WRITING = {"compression": "zstd", "write_page_checksum": True, "version": "2.6"}
_ORIGINS = "made_from"  # in the metadata of a table
_MARK = b"mgi-sha256:"
_SEALED = len(_MARK) + 32  # the mark and the digest
_END = 8  # bytes behind the footer: its length and the letters PAR1


def write_table(path: Path | str, table: pa.Table, made_from: Iterable[Path | str] = ()) -> None:
    """Write one table; equal tables give equal bytes. It keeps the digests of the files that it was `made_from`."""
    if origins := origins_of(path, made_from):
        table = table.replace_schema_metadata(with_origins(table.schema.metadata or {}, origins))
    with sealed_path(path) as part:
        pq.write_table(table, part, **WRITING)


def with_origins(metadata: Mapping[Any, Any], origins: Origins) -> dict[Any, Any]:
    """The metadata of a table with what it was made from."""
    return {**metadata, _ORIGINS: json.dumps(origins, sort_keys=True)}


def _origins(metadata: Mapping[bytes, bytes]) -> Origins:
    found: Origins = json.loads(metadata.get(_ORIGINS.encode(), b"{}"))
    return found


@contextmanager
def sealed_path(path: Path | str) -> Iterator[Path]:
    """Yield what `atomic_path` yields; what the block wrote there gets its digest before it is moved into place."""
    with atomic_path(path) as part:
        yield part
        with part.open("r+b") as file:
            footer = _footer_start(file)
            digest = _digest(file, footer, footer)
            file.seek(footer)
            tail = file.read()
            file.seek(footer)
            file.write(_MARK + digest + tail)


def check_seal(path: Path | str) -> None:
    """Read every byte of a table and compare it with the digest before its footer.

    Raises BadInputError where it is absent, IntegrityError where it has no digest or another.
    """
    mend = mend_of(path)
    if not Path(path).is_file():
        raise BadInputError(f"{path}: missing, expected a Parquet file; {mend}")
    with Path(path).open("rb") as file:
        footer = _footer_start(file)
        if footer < 0 or not (seal := _bytes_at(file, footer - _SEALED, _SEALED)).startswith(_MARK):
            raise IntegrityError(f"{path}: damaged, or not written by this mgi (no digest before its footer); {mend}")
        found, expected = _digest(file, footer - _SEALED, footer), seal.removeprefix(_MARK)
    if found != expected:
        raise IntegrityError(f"{path}: damaged or edited: sha256 {found.hex()}, expected {expected.hex()}; {mend}")


def check_seal_of_own(path: Path) -> None:
    """Compare a table with its digest, and with what it was made from, where a stage of the workflow wrote it.

    Nobody else leaves a digest before the footer, or says there what a table was made from: a table with either is to
    have both. Raises IntegrityError as `opened_parquet` does.
    """
    if not path.is_file():
        return  # as with what is no Parquet: the reader of tables says what it is
    with path.open("rb") as file:
        own = _bytes_at(file, _footer_start(file) - _SEALED, len(_MARK)) == _MARK
    with suppress(pa.ArrowException, OSError, OverflowError, MemoryError, UnicodeDecodeError):
        own = own or _ORIGINS.encode() in (pq.read_schema(path).metadata or {})
    if own:
        with opened_parquet(path):
            pass


def _footer_start(file: IO[bytes]) -> int:
    """Where the footer begins, -1 where the file is too short to have one."""
    size = file.seek(0, os.SEEK_END)
    length = int.from_bytes(_bytes_at(file, size - _END, 4), "little")
    return size - _END - length if _SEALED + length + _END <= size else -1


def _bytes_at(file: IO[bytes], start: int, length: int) -> bytes:
    file.seek(max(0, start))
    return file.read(length)


def _digest(file: IO[bytes], end: int, footer: int) -> bytes:
    """SHA-256 of a file without what lies from `end` to its footer."""
    digest = hashlib.sha256()
    file.seek(0)
    left = end
    while left and (part := file.read(min(left, 1 << 20))):
        digest.update(part)
        left -= len(part)
    file.seek(footer)
    digest.update(file.read())
    return digest.digest()


@contextmanager
def opened_parquet(
    path: Path | str, *, sealed: bool = True, footer: pq.FileMetaData | None = None
) -> Iterator[pq.ParquetFile]:
    """Open a file, which is read through its page checksums, once its digest is right where it is `sealed`.

    `footer` is that of an earlier opening: to read it takes as long as the file has row groups.
    Raises IntegrityError where its bytes are damaged or it is not Parquet, BadInputError where it is absent, and
    MemoryError where its true content does not fit.
    """
    if sealed:
        check_seal(path)
    if not Path(path).is_file():
        raise BadInputError(f"{path}: missing, expected a Parquet file")
    try:
        with pq.ParquetFile(path, metadata=footer, page_checksum_verification=True) as source:
            if sealed:
                require_origins(path, _origins(source.schema_arrow.metadata or {}), mend_of(path), all_there=False)
            yield source
    except (pa.ArrowException, OSError, OverflowError, MemoryError, UnicodeDecodeError) as error:
        if isinstance(error, MemoryError) and not is_false_claim(error, path):
            raise
        reason = " ".join(str(error).split())[:160]
        raise IntegrityError(f"{path}: damaged or not Parquet ({reason}); {mend_of(path)}") from None


def read_rows(
    source: pq.ParquetFile, path: Path | str, columns: list[str] | None = None, group: int | None = None
) -> pa.Table:
    """Read a row group of an open file, or all, with as many rows as its footer says.

    Raises IntegrityError where there are others: checksums cover what lies in a page, and not the words before it.
    """
    promised = source.metadata if group is None else source.metadata.row_group(group)
    table = source.read(columns) if group is None else source.read_row_group(group, columns)
    table.validate(full=True)
    if len(table) != promised.num_rows:
        raise IntegrityError(f"{path}: damaged: found {len(table)} rows, expected {promised.num_rows}; {mend_of(path)}")
    return table


def read_table(path: Path | str, schema: pa.Schema, *, sealed: bool = True, newest: str | None = None) -> pa.Table:
    """Read a table that must have exactly the columns of `schema`; its metadata stays on the result.

    The last column may be missing where it is `newest`, in a file of before it was there: it is null.
    """
    with opened_parquet(path, sealed=sealed) as source:
        older = newest is not None and newest not in source.schema_arrow.names
        require_schema(source.schema_arrow, schema.remove(len(schema) - 1) if older else schema, path)
        table = read_rows(source, path)
        return table.append_column(schema.field(-1), pa.nulls(len(table), schema.field(-1).type)) if older else table


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


def n_rows(path: Path | str) -> int:
    """The number of rows of a table."""
    with opened_parquet(path) as source:
        return int(source.metadata.num_rows)


def run_in(path: Path | str) -> Run:
    """The run that made a Parquet file, from its schema's metadata."""
    with opened_parquet(path) as source:
        return run_of(source.schema_arrow.metadata or {}, str(path))


def pixel_column(slices: NDArray[Any]) -> pa.Array:
    """Return a byte-shuffled binary value per slice of (S, H, W), which may have any strides."""
    native = slices.astype(slices.dtype.newbyteorder("="), copy=False)
    words = native.view(f"u{native.dtype.itemsize}")
    shuffled = np.empty((len(words), words.dtype.itemsize, *words.shape[1:]), np.uint8)
    for own, target in zip(words, shuffled, strict=True):  # a slice at a time stays in the cache
        for index, nth_bytes in enumerate(target):
            np.right_shift(own, 8 * index, out=nth_bytes, casting="unsafe")
    return binary_column(shuffled.reshape(len(words), -1))


def binary_column(rows: NDArray[np.uint8]) -> pa.Array:
    """Return a binary value per row of bytes (S, n)."""
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * rows.shape[1]
    if offsets[-1] > np.iinfo(np.int32).max:
        raise BadInputError(f"image shard: {offsets[-1]} bytes of one patient, expected at most 2 GiB")
    data = np.ascontiguousarray(rows)
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(data), buffers)


def read_pixels(column: pa.ChunkedArray, dtype: np.dtype[Any], shape: tuple[int, int], where: str) -> NDArray[Any]:
    """Return the slices (S, H, W) of a pixel column; masks are read alike, as uint8."""
    size = dtype.itemsize
    stacked = np.empty((len(column), shape[0] * shape[1], size), np.uint8)
    for target, value in zip(stacked, column, strict=True):
        data = value.as_buffer()
        if data.size != target.size:
            raise BadInputError(f"{where}: {data.size} bytes, expected {target.size} for {shape[0]} x {shape[1]}")
        target[...] = np.frombuffer(data, np.uint8).reshape(size, -1).T
    values = stacked.reshape(len(column), -1).view(dtype.newbyteorder("<"))
    return values.astype(dtype, copy=False).reshape(len(column), *shape)
