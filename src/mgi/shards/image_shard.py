"""Slices of all patients with their masks: one row a slice, one row group a patient, so that memory stays bounded.

`dataset.json` names the files: parts, in any of which a patient may lie (see core.parts), or one that stands alone.
A shard of the main channel alone has no word of channels; `dataset.json` names those of any other.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import DigestingFile, atomic_path
from mgi.core.parts import part_files
from mgi.shards.channels import CHANNELS, MAIN, MAIN_ALONE, Channel, in_order, shown_channels
from mgi.shards.dataset_manifest import dataset_of, read_dataset
from mgi.shards.image_checks import DTYPES, check_affine, check_masks, check_positions, check_slices
from mgi.shards.other_channels import check_others, columns_of, read_others, schema_of
from mgi.shards.parquet import (
    WRITING,
    binary_column,
    opened_parquet,
    pixel_column,
    read_pixels,
    read_rows,
    require_schema,
)
from mgi.shards.schemas import SLICES

SLICES_FILE = "slices.parquet"
KIND = "volumes"


@dataclass(frozen=True, kw_only=True)
class PatientImages:
    """One patient's volume: slices (S, H, W) inferior to superior in their native dtype, masks of 0 and 1 or None.

    `spacing_mm` is between rows, between columns; `positions_mm` (S,) is along the normal; `affine` maps (k, i, j, 1)
    of slice, row, column to LPS mm; `native_axes` are the directions of the file's own axes.
    All four are None where the archive has no geometry. `source` is the sha256 of what the slices were read from.
    `channels` are in the order of the archive's files. The slices are the main one; `others` (S, K, H, W), in the dtype
    of the slices, are all others, None where there is none. One that the patient lacks is 0 in every voxel.
    """

    patient_id: str
    slices: NDArray[Any]
    masks: NDArray[np.uint8] | None
    spacing_mm: tuple[float, float] | None
    positions_mm: NDArray[np.float64] | None
    source: str
    affine: NDArray[np.float64] | None = None
    native_axes: str | None = None
    others: NDArray[Any] | None = None
    channels: tuple[Channel, ...] = MAIN_ALONE

    @property
    def volumes(self) -> list[NDArray[Any]]:
        """A volume (S, H, W) of each channel, in their order."""
        others = iter(() if self.others is None else self.others.swapaxes(0, 1))
        return [self.slices if channel == MAIN else next(others) for channel in self.channels]


class ImageShardWriter:
    """Adds patients to an open file, in order of their ids."""

    def __init__(self, writer: pq.ParquetWriter, sink: DigestingFile) -> None:
        self._writer, self._sink, self._last = writer, sink, ""
        self.n_patients = self.n_slices = 0

    def add(self, patient: PatientImages) -> None:
        """Append one patient; raises BadInputError as `rows_of` and `add_rows` do."""
        self.add_rows(patient.patient_id, rows_of(patient))

    def add_rows(self, patient_id: str, rows: pa.Table) -> None:
        """Append what `rows_of` made of a patient, such as in a thread."""
        if patient_id <= self._last:
            raise BadInputError(f"image shard: {patient_id} after {self._last}, expected sorted, unique patients")
        self._writer.write_table(rows, row_group_size=len(rows))
        self._last = patient_id
        self.n_patients += 1
        self.n_slices += len(rows)

    def sha256(self) -> str:
        """Return the digest of the file; it is whole only when the block of `image_shard_writer` has ended."""
        return self._sink.sha256()


@contextmanager
def image_shard_writer(path: Path | str, channels: tuple[Channel, ...] = MAIN_ALONE) -> Iterator[ImageShardWriter]:
    """Open a slices file, of patients with these channels, that appears at `path` only when the block ends well."""
    # No two images are equal: looking for repeats in them would only cost time, as would their minimum and maximum.
    plain = [name for name in SLICES.names if name not in ("pixels", "mask")]
    options = {**WRITING, "use_dictionary": plain, "write_statistics": plain}
    schema = schema_of(channels)
    with atomic_path(path) as part, DigestingFile(part) as sink, pq.ParquetWriter(sink, schema, **options) as writer:
        yield ImageShardWriter(writer, sink)


class _Seen(NamedTuple):
    """A file's footer, which is read once, and which file it was (its inode, size and time in ns)."""

    footer: pq.FileMetaData
    which: tuple[int, int, int]


class _Place(NamedTuple):
    """Where a patient lies: a file, the row group in it, and how many rows that has."""

    path: Path
    group: int
    n_rows: int


class OpenImages:
    """A shard of which one patient is in memory at a time, in any order.

    No file stays open: there may be as many parts as a process may have files.
    """

    def __init__(self, shard: Path | str) -> None:
        """Look up who lies where; `shard` is its dataset.json or its folder."""
        self._dataset = dataset_of(shard)
        described = read_dataset(shard, KIND)
        self._channels = _channels_in(described, self._dataset)
        self._seen: dict[Path, _Seen] = {}
        places: dict[str, _Place] = {}
        for path in _files_in(described, self._dataset):
            with opened_parquet(path, sealed=False) as source:
                require_schema(source.schema_arrow, schema_of(self._channels), path)
                self._seen[path] = _Seen(source.metadata, _which(path))
                for group in range(source.num_row_groups):
                    named = set(read_rows(source, path, ["patient_id"], group)["patient_id"].to_pylist())
                    if len(named) != 1 or not named.isdisjoint(places):
                        also = "".join(f" (also in {places[one].path.name})" for one in named & {*places})
                        found = f"patients {sorted(named)}{also}"
                        raise BadInputError(f"{path}: row group {group}: {found}, expected one new patient")
                    places[named.pop()] = _Place(path, group, source.metadata.row_group(group).num_rows)
        self._places = dict(sorted(places.items()))

    @property
    def patient_ids(self) -> list[str]:
        """Everybody in the shard, sorted."""
        return list(self._places)

    def require(self, patients: Collection[str]) -> None:
        """Raise BadInputError where somebody is not in the shard."""
        if absent := sorted(set(patients) - set(self._places)):
            raise BadInputError(f"{self._dataset}: no slices of {absent[0]} ({len(absent)} patients absent)")

    def n_slices(self, patient: str) -> int:
        """How many slices a patient has; nothing is read."""
        return self._places[patient].n_rows

    def voxel_ml(self, patient: str) -> float | None:
        """The volume of a voxel in mL; None where the archive has no geometry."""
        path, group, _ = self._places[patient]
        with opened_parquet(path, sealed=False, footer=self._seen[path].footer) as source:
            affine = read_rows(source, path, ["affine"], group)["affine"][0].as_py()
        return None if affine is None else abs(float(np.linalg.det(np.reshape(affine, (4, 4))[:3, :3]))) / 1000

    def read(self, patient: str) -> PatientImages:
        """One patient. Raises IntegrityError where the file was changed meanwhile."""
        path, group, _ = self._places[patient]
        footer, which = self._seen[path]
        with opened_parquet(path, sealed=False, footer=footer) as source:
            if _which(path) != which:
                raise IntegrityError(f"{path}: the file was changed while it was read; run again what reads it")
            table = read_rows(source, path, group=group)
        return _patient_of(table, path, self._channels)


def _which(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def iter_images(shard: Path | str, patient_ids: Collection[str] | None = None) -> Iterator[PatientImages]:
    """Yield patients in order of their ids, one in memory at a time; `patient_ids` selects.

    `shard` is its dataset.json or its folder.
    """
    images = OpenImages(shard)
    wanted = set(images.patient_ids if patient_ids is None else patient_ids)
    images.require(wanted)
    yield from (images.read(patient) for patient in images.patient_ids if patient in wanted)


def read_images(shard: Path | str, patient_ids: Collection[str] | None = None) -> dict[str, PatientImages]:
    """Return all or the selected patients by id (see iter_images)."""
    return {patient.patient_id: patient for patient in iter_images(shard, patient_ids)}


def channels_of(shard: Path | str) -> tuple[Channel, ...]:
    """The channels that every patient of a shard has, from its dataset.json; raises as `read_dataset` does."""
    return _channels_in(read_dataset(shard, KIND), dataset_of(shard))


def _channels_in(described: Mapping[str, Any], path: Path) -> tuple[Channel, ...]:
    found = described.get("channels", MAIN_ALONE)
    if not isinstance(found, list | tuple) or not in_order(found):
        raise BadInputError(
            f"{path}: channels: found {found!r}, expected some of {shown_channels(CHANNELS)} in this order, {MAIN} "
            "among them"
        )
    return tuple(found)


def _files_in(described: Mapping[str, Any], path: Path) -> list[Path]:
    """The files with slices: all parts, or one that stands alone, as in older results."""
    names = [*described["files"]]
    return [path.parent / name for name in (names if names == [SLICES_FILE] else part_files(names, f"{path}"))]


def _check(patient: PatientImages) -> None:
    where = f"image shard: {patient.patient_id}"
    check_slices(patient.slices, where)
    check_others(patient.others, patient.channels, patient.slices, where)
    if patient.masks is not None:
        check_masks(patient.masks, patient.slices, where)
    if patient.positions_mm is not None:
        check_positions(patient.positions_mm, len(patient.slices), where)
    check_affine(patient.affine, patient.native_axes, patient.spacing_mm, where)


def rows_of(patient: PatientImages) -> pa.Table:
    """Return a patient's slices as rows of the shard."""
    _check(patient)
    n_slices, rows, columns = patient.slices.shape
    row_mm, column_mm = patient.spacing_mm or (None, None)
    masks = patient.masks
    return pa.table(
        {
            "patient_id": [patient.patient_id] * n_slices,
            "slice": range(n_slices),
            "position_mm": [None] * n_slices if patient.positions_mm is None else patient.positions_mm.tolist(),
            "rows": [rows] * n_slices,
            "cols": [columns] * n_slices,
            "dtype": [patient.slices.dtype.name] * n_slices,
            "pixels": pixel_column(patient.slices),
            "mask": pa.nulls(n_slices, pa.binary()) if masks is None else binary_column(masks.reshape(n_slices, -1)),
            "spacing_row_mm": [row_mm] * n_slices,
            "spacing_col_mm": [column_mm] * n_slices,
            "affine": [None if patient.affine is None else patient.affine.ravel().tolist()] * n_slices,
            "native_axes": [patient.native_axes] * n_slices,
            "source": [patient.source] * n_slices,
            **columns_of(patient.others),
        },
        schema=schema_of(patient.channels),
    )


def _patient_of(table: pa.Table, path: Path, channels: tuple[Channel, ...]) -> PatientImages:
    patient = table["patient_id"][0].as_py()
    where = f"{path}: {patient}"
    same = ("rows", "cols", "dtype", "spacing_row_mm", "spacing_col_mm", "affine", "native_axes", "source")
    rows, columns, dtype, row_mm, column_mm, affine, axes, origin = (_one_value(table, name, where) for name in same)
    if dtype not in DTYPES or table["slice"].to_pylist() != list(range(len(table))):
        raise BadInputError(f"{where}: dtype {dtype} or slice numbers, expected one of {DTYPES} and 0, 1, 2, …")
    masks, positions = table["mask"], table["position_mm"]
    if masks.null_count not in (0, len(table)) or positions.null_count not in (0, len(table)):
        raise BadInputError(f"{where}: mask or position_mm is null in some slices, expected all or none")
    images = PatientImages(
        patient_id=patient,
        slices=read_pixels(table["pixels"], np.dtype(dtype), (rows, columns), f"{where}: pixels"),
        masks=None if masks.null_count else read_pixels(masks, np.dtype(np.uint8), (rows, columns), f"{where}: mask"),
        spacing_mm=None if row_mm is None or column_mm is None else (row_mm, column_mm),
        positions_mm=None if positions.null_count else positions.to_numpy(),
        source=origin,
        affine=None if affine is None else np.array(affine).reshape(4, 4),
        native_axes=axes,
        others=read_others(table, np.dtype(dtype), (len(channels) - 1, rows, columns), where),
        channels=channels,
    )
    _check(images)
    return images


def _one_value(table: pa.Table, name: str, where: str) -> Any:
    values = table[name].to_pylist()
    if any(value != values[0] for value in values):
        raise BadInputError(f"{where}: {name}: several values, expected one per patient")
    return values[0]
