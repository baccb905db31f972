"""Numbers that outgrow memory, in a file without a name: it is gone with the job, however that ends."""

import mmap
import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgi.core.files import full_disk_named

BLOCK_VALUES = 1 << 23
"""Numbers that are worked on at once: 64 MiB as float64."""


def block_length(width: int) -> int:
    """How many rows (or columns) of `width` numbers are worked on at once, at least one."""
    return max(1, BLOCK_VALUES // max(1, width))


class ScratchTable:
    """A matrix (n, width) on disk, in `folder`, from which rows or columns are read into memory of their own.

    It is read by `pread` and not mapped: what was read once does not count as the job's memory for ever.
    """

    def __init__(self, folder: Path | str, shape: tuple[int, int], dtype: Any = np.float32) -> None:
        self.shape, self.dtype, self.folder = shape, np.dtype(dtype), Path(folder)
        self._row_bytes = shape[1] * self.dtype.itemsize
        with full_disk_named(self.folder / "scratch"):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._handle, name = tempfile.mkstemp(prefix=".scratch-", dir=self.folder)
            weakref.finalize(self, os.close, self._handle)
            Path(name).unlink()
            os.ftruncate(self._handle, shape[0] * self._row_bytes)

    def __len__(self) -> int:
        return self.shape[0]

    def write(self, row: int, values: NDArray[Any]) -> None:
        """Put rows (k, width) where row `row` begins. Raises ResourceError where the disk is full."""
        rest = _bytes_of(np.ascontiguousarray(values, self.dtype))
        at = row * self._row_bytes
        with full_disk_named(self.folder / "scratch"):
            while rest:
                done = os.pwrite(self._handle, rest, at)
                rest, at = rest[done:], at + done

    def rows(self, wanted: ArrayLike) -> NDArray[Any]:
        """Rows (k, width) by number, in the order given."""
        numbers = np.asarray(wanted, np.int64).reshape(-1)
        found = np.empty((len(numbers), self.shape[1]), self.dtype)
        for number, target in zip(numbers.tolist(), found, strict=True):
            read_into(self._handle, target, number * self._row_bytes)
        return found

    def columns(self, wanted: slice) -> NDArray[Any]:
        """Neighbouring columns (n, k) of all rows."""
        first, stop, _ = wanted.indices(self.shape[1])
        found = np.empty((self.shape[0], max(0, stop - first)), self.dtype)
        for number, target in enumerate(found):
            read_into(self._handle, target, number * self._row_bytes + first * self.dtype.itemsize)
        return found

    def row_blocks(self) -> Iterator[NDArray[Any]]:
        """All rows in their order, some at a time."""
        length = block_length(self.shape[1])
        for first in range(0, len(self), length):
            yield self.rows(np.arange(first, min(len(self), first + length)))

    def mapped(self) -> NDArray[Any]:
        """The whole matrix as a map of the file, for a library that must see all of it: pages that the kernel drops."""
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)
        return np.frombuffer(mmap.mmap(self._handle, 0), self.dtype).reshape(self.shape)


def read_into(handle: int, target: NDArray[Any], at: int) -> None:
    """Fill a contiguous array with the bytes of an open file from the place `at` on; EOFError where they end before."""
    rest = _bytes_of(target)
    while rest:
        done = os.preadv(handle, [rest], at)
        if done == 0:
            raise EOFError
        rest, at = rest[done:], at + done


def _bytes_of(array: NDArray[Any]) -> memoryview:
    """The memory of a contiguous array."""
    return memoryview(array.reshape(-1).view(np.uint8).data)


class HeldTable:
    """A matrix (n, width) in memory, read as one on disk."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.shape, self._values = (values.shape[0], values.shape[1]), values

    def columns(self, wanted: slice) -> NDArray[Any]:
        """Neighbouring columns (n, k) of all rows, a view."""
        found: NDArray[Any] = self._values[:, wanted]
        return found

    def row_blocks(self) -> Iterator[NDArray[Any]]:
        """All rows in their order, some at a time, views."""
        length = block_length(self.shape[1])
        yield from (self._values[first : first + length] for first in range(0, self.shape[0], length))


Table = ScratchTable | HeldTable


def by_columns(table: Table, measure: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    """What `measure` makes of columns (n, k) to (..., k), each by itself, of all of them; some are in memory at once.

    Never a single one of several: NumPy would add up its numbers in another order.
    """
    return np.concatenate([measure(table.columns(some)) for some in column_slices(table)], axis=-1)


def column_slices(table: Table) -> list[slice]:
    """All columns, as many at a time as fit in a block."""
    n_blocks = max(1, min(-(-table.shape[1] // block_length(table.shape[0])), table.shape[1] // 2))
    bounds = np.linspace(0, table.shape[1], n_blocks + 1).astype(int).tolist()
    return [slice(*both) for both in pairwise(bounds)]


def mean_of_rows(blocks: Iterable[NDArray[Any]]) -> NDArray[np.float64]:
    """The mean (width,) of the rows of blocks (k, width), added up one after the other as `mean(axis=0)` does."""
    total, count = None, 0
    for block in blocks:
        wide = block.astype(np.float64)
        total = np.add.reduce(wide if total is None else np.concatenate([total[None], wide]), axis=0)
        count += len(block)
    assert total is not None
    return np.asarray(total / count)
