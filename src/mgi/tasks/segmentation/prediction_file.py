"""Reads what a run predicted: one row a slice, stored probabilities floor(256 p)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mgi.core.errors import BadInputError
from mgi.shards.parquet import opened_parquet
from mgi.tasks.segmentation.dice import Bytes

_COLUMNS = ["patient_id", "slice", "expression_input", "rows", "cols", "probability"]
_BATCH_ROWS = 64


@dataclass(frozen=True)
class PredictedVolume:
    """One patient's stored probabilities with one expression input, shape (slices, rows, cols)."""

    patient_id: str
    expression_input: str
    probability: Bytes


def read_patients(path: Path | str) -> list[str]:
    """The patients that a prediction file holds, sorted."""
    with opened_parquet(path) as source:
        return sorted(set(source.read(columns=["patient_id"])["patient_id"].to_pylist()))


def read_volumes(
    path: Path | str,
    slices: Mapping[str, int],
    patients: Collection[str] | None = None,
    expression_input: str | None = None,
) -> Iterator[PredictedVolume]:
    """Yield each patient and expression input once all its slices were read, so memory holds few volumes at a time.

    `slices` is the number of slices of each known patient; `patients` and `expression_input` narrow the reading. Raises
    BadInputError where a patient is unknown, a slice is missing or comes twice, or the pixels do not fill the grid.
    """
    waiting: dict[tuple[str, str], dict[int, Bytes]] = {}
    for row in _rows(path):
        patient, given = row["patient_id"], row["expression_input"]
        if (patients is not None and patient not in patients) or expression_input not in (None, given):
            continue
        if patient not in slices:
            raise BadInputError(f"{path}: patient {patient} is not in the image shard")
        stack = waiting.setdefault((patient, given), {})
        _add_slice(stack, row, slices[patient], path)
        if len(stack) == slices[patient]:
            yield PredictedVolume(patient, given, _stack(waiting.pop((patient, given)), patient, path))
    if waiting:
        (patient, given), stack = next(iter(sorted(waiting.items())))
        raise BadInputError(
            f"{path}: patient {patient}, {given}: {len(stack)} slices, expected {slices[patient]} as in the shard"
        )


def _add_slice(stack: dict[int, Bytes], row: Mapping[str, Any], expected: int, path: Path | str) -> None:
    index = row["slice"]
    where = f"{path}: patient {row['patient_id']}, {row['expression_input']}, slice {index}"
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
