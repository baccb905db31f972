"""Put every patient's slices at the network's size into files, once for all folds, runs and seeds.

A patient's file is named by what it was made of: after a change of the cohort or a kill only what is new is made. The
table beside the files is written last and says which of them are a shard's.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from isal import isal_zlib
from torch import Tensor

from mgi.core.errors import MgiError
from mgi.core.files import atomic_path, read_json, sha256_of, write_json
from mgi.core.prefetch import map_ahead
from mgi.datasets.settings import PreparedSettings
from mgi.datasets.slices import prepare_slices
from mgi.datasets.stored_volume import IMAGES, NPY_HEADER, SETTINGS, StoredVolume
from mgi.shards.dataset_manifest import dataset_of
from mgi.shards.image_shard import PatientImages, iter_images
from mgi.shards.parquet import write_table
from mgi.shards.schemas import PREPARED

FOLDER = "patients"

Change = Callable[[PatientImages], PatientImages]


def prepare_shard(
    shard: Path, table: Path, settings: PreparedSettings, *, change: Change | None, code: str, threads: int
) -> tuple[int, int]:
    """Write what is missing of a shard's patients, then the table; how many patients there are, and how many were new.

    `change` is applied to each patient's images before. `code` is the version of what prepares: another one
    makes all again.
    """
    folder = table.parent / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    make = partial(_row_of, folder=folder, settings=settings, change=change, code=code)
    made = list(map_ahead(make, iter_images(shard), threads=threads))
    dataset = dataset_of(shard)
    metadata = {SETTINGS: settings.as_json(), IMAGES: sha256_of(dataset)}
    columns = pa.Table.from_pylist([dict(row) for row, _ in made], schema=PREPARED)
    write_table(table, columns.replace_schema_metadata(metadata), made_from=[dataset])
    _remove_others(folder, {row["file"] for row, _ in made})
    return len(made), sum(new for _, new in made)


def _row_of(
    patient: PatientImages, folder: Path, settings: PreparedSettings, change: Change | None, code: str
) -> tuple[dict[str, Any], bool]:
    """The patient's row of the table, and whether its file had to be made."""
    name = _name_of(patient, settings, code)
    path, beside = folder / f"{name}.npy", folder / f"{name}.json"
    finished = _finished(path, beside, patient.patient_id, settings.image_size)
    if finished is not None:
        return finished, False
    seen = patient if change is None else change(patient)
    volume, square = (seen.patient_id, seen.slices, seen.masks), (settings.image_size, 0, settings.image_crop)
    prepared = prepare_slices([volume], *square, of_channels=[seen.volumes])
    channels = prepared.channels
    assert isinstance(channels, Tensor)
    *images, masks = channels.numpy().swapaxes(0, 1)
    area = prepared.area.numpy()
    planes = np.concatenate([*images, masks[area > 0]])
    with atomic_path(path) as part:
        with part.open("wb") as file:
            np.lib.format.write_array(file, planes, allow_pickle=False)
        assert part.stat().st_size == NPY_HEADER + planes.nbytes
    frame = prepared.frames[0]
    row = {
        "file": f"{FOLDER}/{path.name}",
        "rows": frame.shape[0],
        "cols": frame.shape[1],
        "first_row": frame.rows[0],
        "stop_row": frame.rows[1],
        "first_col": frame.columns[0],
        "stop_col": frame.columns[1],
        "area": area.tolist(),
        "crc32": [isal_zlib.crc32(plane.data) for plane in planes],
    }
    write_json(beside, row)
    return _packed(patient.patient_id, row), True


def _packed(patient_id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of the table; numbers of slices and planes as arrays, which are small."""
    area, crc32 = np.array(row["area"], np.float32), np.array(row["crc32"], np.uint32)
    return {**row, "patient_id": patient_id, "area": area, "crc32": crc32}


def _name_of(patient: PatientImages, settings: PreparedSettings, code: str) -> str:
    digest = hashlib.sha256(f"{settings.as_json()} {code} {patient.slices.dtype} {patient.slices.shape}".encode())
    for volume in patient.volumes:
        digest.update(np.ascontiguousarray(volume).data)
    digest.update(b"no mask" if patient.masks is None else np.ascontiguousarray(patient.masks).data)
    return digest.hexdigest()[:32]


def _finished(path: Path, beside: Path, patient_id: str, size: int) -> dict[str, Any] | None:
    """The row of a file that was written before, None where any of it is not what was written."""
    try:
        row = _packed(patient_id, read_json(beside))
        StoredVolume(path=path, size=size, area=row["area"], checksums=row["crc32"]).check()
    except (MgiError, OSError, ValueError, KeyError, TypeError):
        return None
    return row


def _remove_others(folder: Path, kept: set[str]) -> None:
    for path in _files_of(folder):
        if f"{FOLDER}/{path.stem}.npy" not in kept:
            path.unlink(missing_ok=True)


def _files_of(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.iterdir() if path.suffix in (".npy", ".json", ".part"))
