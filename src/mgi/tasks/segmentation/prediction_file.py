"""Reads what a run predicted: one row a slice, stored probabilities floor(256 p), the run's name in the metadata."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mgi.cohort.slice_split import PATIENT_PROTOCOL
from mgi.core.errors import BadInputError
from mgi.shards.parquet import opened_parquet
from mgi.tasks.segmentation.dice import Bytes
from mgi.tasks.segmentation.patient_scores import label_of

_COLUMNS = ["patient_id", "slice", "genes", "rows", "cols", "probability"]
_BATCH_ROWS = 64


@dataclass(frozen=True)
class RunSpec:
    """What was trained, under the name `label` in tables; the fold names the patients that it never saw.

    `genes` is the mode of a patient's own: `none` of a method without genes, else `real`. By the protocol `slice` it
    never saw the fold's slices, and did see their patients.
    """

    key: str
    method: str
    genes: str
    fold: int
    seed: int
    label: str
    protocol: str


@dataclass(frozen=True)
class PredictedVolume:
    """One patient's stored probabilities under one gene mode, shape (slices, rows, cols)."""

    patient_id: str
    genes: str
    probability: Bytes


def read_spec(path: Path | str) -> RunSpec:
    """The run that made a prediction file, from its schema metadata.

    Raises BadInputError where the metadata lacks it.
    """
    with opened_parquet(path) as source:
        metadata = source.schema_arrow.metadata or {}
    try:
        spec = json.loads(metadata[b"spec"])
        genes = "none" if spec["genes"] == "none" else "real"
        protocol = spec.get("protocol", PATIENT_PROTOCOL)
        return RunSpec(spec["key"], spec["method"], genes, spec["fold"], spec["seed"], label_of(spec), protocol)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"{path}: schema metadata 'spec' ({error!r}), expected JSON with key, method, genes, fold, seed"
        ) from None


def read_patients(path: Path | str) -> list[str]:
    """The patients that a prediction file holds, sorted."""
    with opened_parquet(path) as source:
        return sorted(set(source.read(columns=["patient_id"])["patient_id"].to_pylist()))


def read_volumes(
    path: Path | str,
    slices: Mapping[str, int],
    patients: Collection[str] | None = None,
    genes: str | None = None,
) -> Iterator[PredictedVolume]:
    """Yield each patient and gene mode as soon as all its slices were read, so memory holds few volumes at a time.

    `slices` is the number of slices of each known patient; `patients` and `genes` narrow the reading. Raises
    BadInputError where a patient is unknown, a slice is missing or comes twice, or the pixels do not fill the grid.
    """
    waiting: dict[tuple[str, str], dict[int, Bytes]] = {}
    for row in _rows(path):
        patient, mode = row["patient_id"], row["genes"]
        if (patients is not None and patient not in patients) or (genes is not None and mode != genes):
            continue
        if patient not in slices:
            raise BadInputError(f"{path}: patient {patient} is not in the image shard")
        stack = waiting.setdefault((patient, mode), {})
        _place(stack, row, slices[patient], path)
        if len(stack) == slices[patient]:
            yield PredictedVolume(patient, mode, _stack(waiting.pop((patient, mode)), patient, path))
    if waiting:
        (patient, mode), stack = next(iter(sorted(waiting.items())))
        raise BadInputError(
            f"{path}: patient {patient}, genes {mode}: {len(stack)} slices, expected {slices[patient]} as in the shard"
        )


def _place(stack: dict[int, Bytes], row: Mapping[str, Any], expected: int, path: Path | str) -> None:
    index, where = row["slice"], f"{path}: patient {row['patient_id']}, genes {row['genes']}, slice {row['slice']}"
    if not 0 <= index < expected or index in stack:
        raise BadInputError(f"{where}: found twice or outside the shard's {expected} slices")
    if len(row["probability"]) != row["rows"] * row["cols"]:
        raise BadInputError(f"{where}: {len(row['probability'])} bytes, expected {row['rows']} x {row['cols']}")
    stack[index] = np.frombuffer(row["probability"], dtype=np.uint8).reshape(row["rows"], row["cols"])


def _stack(planes: Mapping[int, Bytes], patient: str, path: Path | str) -> Bytes:
    shapes = {plane.shape for plane in planes.values()}
    if len(shapes) > 1:
        raise BadInputError(f"{path}: patient {patient}: slices of shapes {sorted(shapes)}, expected one")
    return np.stack([planes[index] for index in sorted(planes)])


def _rows(path: Path | str) -> Iterator[dict[str, Any]]:
    with opened_parquet(path) as source:
        missing = sorted(set(_COLUMNS) - set(source.schema_arrow.names))
        if missing:
            raise BadInputError(f"{path}: columns {missing} missing, expected {_COLUMNS}")
        for batch in source.iter_batches(batch_size=_BATCH_ROWS, columns=_COLUMNS):
            yield from batch.to_pylist()
