"""The table of prepared slices (see preparation), from which those of some patients are taken."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from mgi.core.errors import BadInputError
from mgi.core.files import sha256_of
from mgi.core.mending import mend_of
from mgi.datasets.prepared import ABSENT, StoredSlices
from mgi.datasets.settings import PreparedSettings
from mgi.datasets.slices import SliceSet
from mgi.datasets.stored_volume import IMAGES, SETTINGS, volumes_of
from mgi.datasets.volume import Frame
from mgi.shards.parquet import metadata_of, read_table
from mgi.shards.schemas import PREPARED

NO_FRAME = Frame(shape=(1, 1), rows=(0, 1), columns=(0, 1))


class PreparedTable:
    """Prepared slices of all patients of a shard; nothing but the table itself is in memory.

    Raises BadInputError where they were prepared from another shard than the one that `dataset` describes, or otherwise
    than by `settings`.
    """

    def __init__(self, path: Path, dataset: Path, settings: PreparedSettings) -> None:
        self._path, self._size = path, settings.image_size
        table = read_table(path, PREPARED)
        found = metadata_of(table.schema, path, [SETTINGS, IMAGES])
        if found[SETTINGS] != settings.as_json():
            raise BadInputError(
                f"{path}: prepared by {found[SETTINGS]}, expected {settings.as_json()}; {mend_of(path)}"
            )
        if found[IMAGES] != sha256_of(dataset):
            raise BadInputError(f"{path}: prepared from another shard than {dataset}; {mend_of(path)}")
        self._table = table.combine_chunks()
        self._row = {patient: row for row, patient in enumerate(table["patient_id"].to_pylist())}

    @property
    def patient_ids(self) -> list[str]:
        """Who has slices."""
        return list(self._row)

    def slices(self, patient_ids: Sequence[str], context: int = 0, *, may_lack: bool = False) -> SliceSet:
        """The slices of these patients, patient after patient. Raises BadInputError naming one who has none.

        Where patients `may_lack` a scan, whoever does has one slice that is left out.
        """
        if (absent := [patient for patient in patient_ids if patient not in self._row]) and not may_lack:
            raise BadInputError(f"{self._path}: no slices of {absent[0]} ({len(absent)} patients absent)")
        has = np.array([patient in self._row for patient in patient_ids], bool)
        rows = [self._row[patient] for patient in patient_ids if patient in self._row]
        chosen = self._table.take(pa.array(rows, pa.int64()))
        volumes = volumes_of(chosen, self._path, self._size)
        counts = np.ones(len(has), np.int64)
        counts[has] = [len(volume.area) for volume in volumes]
        patient = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(patient)) - np.repeat(np.cumsum([0, *counts])[:-1], counts)
        frames = iter([_frame_of(row) for row in chosen.drop(["area", "crc32"]).to_pylist()])
        return SliceSet(
            channels=StoredSlices(
                volumes=volumes,
                volume=np.where(has, np.cumsum(has) - 1, ABSENT)[patient],
                place=place,
                size=self._size,
                context=context,
                n_channels=volumes[0].n_channels if volumes else 1,
            ),
            patient=torch.from_numpy(patient),
            patient_ids=list(patient_ids),
            frames=[next(frames) if there else NO_FRAME for there in has],
        )


def _frame_of(row: Mapping[str, int]) -> Frame:
    return Frame(
        shape=(row["rows"], row["cols"]),
        rows=(row["first_row"], row["stop_row"]),
        columns=(row["first_col"], row["stop_col"]),
    )
