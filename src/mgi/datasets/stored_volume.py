"""One patient's slices at the network's size, as a file, and the table of all patients' files; knows no torch.

A file holds the images (C n, S, S), one channel's n slices after the other's, and behind them the masks (m, S, S) of
the slices that show tumour, float32 of S x S pixels. The table has the CRC-32 of each of these planes.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from isal import isal_zlib
from numpy.typing import NDArray

from mgi.core.errors import IntegrityError
from mgi.core.mending import mend_of
from mgi.core.scratch_table import read_into
from mgi.shards.parquet import metadata_of, read_table
from mgi.shards.schemas import PREPARED

SETTINGS, IMAGES = "settings", "images_sha256"
"""Entries of the table's metadata: how the slices were prepared, and the digest of the shard's description."""
NPY_HEADER = 128
"""Bytes before the numbers of a .npy file of such a shape."""


@dataclass(frozen=True, kw_only=True)
class StoredVolume:
    """One patient's file: tumour `area` (n,) of each slice in pixels of S x S, the CRC-32 of each plane (C n + m,)."""

    path: Path
    size: int
    area: NDArray[np.float32]
    checksums: NDArray[np.uint32]

    @cached_property
    def mask_plane(self) -> NDArray[np.int64]:
        """Which plane of the file is the mask of each slice (n,); -1 where it has no tumour."""
        shown = self.area > 0
        return np.where(shown, self.n_channels * len(self.area) - 1 + np.cumsum(shown), -1)

    @cached_property
    def n_channels(self) -> int:
        """How many channels each slice has."""
        return (len(self.checksums) - int((self.area > 0).sum())) // len(self.area)

    def planes(self, wanted: Sequence[int], into: NDArray[np.float32]) -> None:
        """Read planes into the rows of `into` (k, S, S). Raises IntegrityError where one is not what was written."""
        plane_bytes = self.size * self.size * 4
        start = self.path_bytes - len(self.checksums) * plane_bytes
        try:
            handle = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            raise IntegrityError(f"{self.path}: missing; {mend_of(self.path)}") from None
        try:
            for plane, target in zip(wanted, into, strict=True):
                read_into(handle, target, start + plane * plane_bytes)
                if isal_zlib.crc32(target.data) != self.checksums[plane]:
                    raise IntegrityError(
                        f"{self.path}: damaged: plane {plane} has another CRC-32; {mend_of(self.path)}"
                    )
        except EOFError:
            raise IntegrityError(f"{self.path}: truncated; {mend_of(self.path)}") from None
        finally:
            os.close(handle)

    @property
    def path_bytes(self) -> int:
        """Bytes that the file has: NumPy's header, and the planes."""
        return NPY_HEADER + len(self.checksums) * self.size * self.size * 4

    def check(self) -> None:
        """Read the whole file. Raises IntegrityError where any of it is not what was written."""
        found = self.path.stat().st_size if self.path.is_file() else 0
        if found != self.path_bytes:
            raise IntegrityError(f"{self.path}: {found} bytes, expected {self.path_bytes}; {mend_of(self.path)}")
        plane = np.empty((1, self.size, self.size), np.float32)
        for number in range(len(self.checksums)):
            self.planes([number], plane)


def volumes_of(table: pa.Table, path: Path, size: int) -> list[StoredVolume]:
    """The files of the patients in some rows of the table that lies at `path`."""
    columns = (table[name] for name in ("file", "area", "crc32"))
    return [
        StoredVolume(
            path=path.parent / name.as_py(),
            size=size,
            area=area.values.to_numpy(zero_copy_only=False),
            checksums=crc32.values.to_numpy(zero_copy_only=False),
        )
        for name, area, crc32 in zip(*columns, strict=True)
    ]


def check_prepared(path: Path) -> None:
    """Read a table and every file that it names. Raises IntegrityError for the first that is damaged."""
    table = read_table(path, PREPARED)
    size = json.loads(metadata_of(table.schema, path, [SETTINGS])[SETTINGS])["image_size"]
    for volume in volumes_of(table, path, size):
        volume.check()
