"""Prediction files: one row a slice and expression input, probabilities as bytes on the native grid."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mgi.core.files import atomic_path
from mgi.core.run import ENTRY, Run
from mgi.shards.parquet import WRITING

PREDICTIONS = pa.schema(
    [
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("slice", pa.int32(), nullable=False),
        pa.field("expression_input", pa.string(), nullable=False),
        pa.field("donor", pa.string()),
        pa.field("rows", pa.int32(), nullable=False),
        pa.field("cols", pa.int32(), nullable=False),
        pa.field("probability", pa.binary(), nullable=False),
    ]
)


class PredictionWriter:
    """Adds one patient with one expression input at a time to an open file."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema

    def add(
        self, patient_id: str, expression_input: str, donor: str | None, prediction: Sequence[NDArray[np.uint8]]
    ) -> None:
        """Append the slices, each (rows, cols) of floor(256 p); `donor` is the patient whose expression was used."""
        count = len(prediction)
        columns = {
            "patient_id": [patient_id] * count,
            "slice": range(count),
            "expression_input": [expression_input] * count,
            "donor": [donor] * count,
            "rows": [plane.shape[0] for plane in prediction],
            "cols": [plane.shape[1] for plane in prediction],
            "probability": [plane.tobytes() for plane in prediction],
        }
        self._writer.write_table(pa.table(columns, schema=self._schema))


@contextmanager
def prediction_writer(path: Path | str, run: Run) -> Iterator[PredictionWriter]:
    """Open a prediction file that appears at `path` only when the block ends well and names the run."""
    schema = PREDICTIONS.with_metadata({ENTRY: run.as_json()})
    with atomic_path(path) as part, pq.ParquetWriter(part, schema, **WRITING) as writer:
        yield PredictionWriter(writer, schema)
