"""Vectors of a fold's patients by one pre-training run: a row a patient, null where there is nothing to encode."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.run import ENTRY, Run, run_of
from mgi.shards.parquet import opened_parquet, read_table, write_table
from mgi.shards.schemas import EMBEDDINGS

Floats = NDArray[np.float32]
VECTORS: tuple[str, ...] = tuple(EMBEDDINGS.names[2:])
OF_MODALITY = ("{}", "{}_projected", "{}_untrained")
"""Columns of each further modality that a pre-training reads, after the others."""


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """Patients in the order of the file, their roles in the run's fold, and by name vectors (P, D).

    A row is NaN where the patient has nothing to encode, such as no tumour or no expression. Of a pre-training with
    further `modalities` each has its vectors too, under the names of OF_MODALITY.
    """

    run: Run
    patient_ids: list[str]
    roles: list[str]
    vectors: Mapping[str, Floats]
    modalities: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether anybody has vectors of this name."""
        return not np.isnan(self.vectors[name]).all()


def write_embeddings(path: Path | str, found: Embeddings, made_from: Iterable[Path | str] = ()) -> None:
    """Write a row a patient; a row of NaN becomes null."""
    columns = [pa.array(found.patient_ids, pa.string()), pa.array(found.roles, pa.string())]
    schema = _schema(found.modalities)
    columns += [
        pa.array([None if np.isnan(row).any() else row for row in found.vectors[name]], schema.field(name).type)
        for name in schema.names[2:]
    ]
    schema = schema.with_metadata({ENTRY: found.run.as_json()})
    write_table(path, pa.Table.from_arrays(columns, schema=schema), made_from)


def read_embeddings(path: Path | str) -> Embeddings:
    """The vectors as they were written.

    Raises BadInputError where a patient comes twice, vectors of one column differ in length, or a number is not finite.
    """
    modalities = _modalities_of(path)
    schema = _schema(modalities)
    table = read_table(path, schema)
    patients = table["patient_id"].to_pylist()
    if repeated := {one for one in patients if patients.count(one) > 1}:
        raise BadInputError(f"{path}: {min(repeated)} occurs twice, expected one row per patient")
    return Embeddings(
        run=run_of(table.schema.metadata or {}, str(path)),
        patient_ids=patients,
        roles=table["role"].to_pylist(),
        vectors={name: _stacked(table[name].to_pylist(), f"{path}: {name}") for name in schema.names[2:]},
        modalities=modalities,
    )


def _schema(modalities: Iterable[str]) -> pa.Schema:
    more = [pa.field(one.format(name), pa.list_(pa.float32())) for name in modalities for one in OF_MODALITY]
    return pa.schema([*EMBEDDINGS, *more])


def _modalities_of(path: Path | str) -> tuple[str, ...]:
    """The modalities whose columns follow the others in a file; `read_table` refuses what does not go together."""
    with opened_parquet(path) as source:
        names = source.schema_arrow.names[len(EMBEDDINGS) :]
    return tuple(names[:: len(OF_MODALITY)])


def _stacked(rows: Sequence[Sequence[float] | None], where: str) -> Floats:
    width = next((len(row) for row in rows if row is not None), 0)
    stacked = np.full((len(rows), width), math.nan, np.float32)
    for number, row in enumerate(rows):
        if row is None:
            continue
        if len(row) != width:
            raise BadInputError(f"{where}: row {number}: found {len(row)} numbers, expected {width}")
        stacked[number] = row
        if not np.isfinite(stacked[number]).all():
            raise BadInputError(f"{where}: row {number}: found a number that is not finite")
    return stacked
