"""Prediction files: one row a slice and gene mode, probabilities as bytes on the native grid."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mgi.core.files import atomic_path
from mgi.shards.parquet import WRITING

PREDICTIONS = pa.schema(
    [
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("slice", pa.int32(), nullable=False),
        pa.field("genes", pa.string(), nullable=False),
        pa.field("donor", pa.string()),
        pa.field("rows", pa.int32(), nullable=False),
        pa.field("cols", pa.int32(), nullable=False),
        pa.field("probability", pa.binary(), nullable=False),
    ]
)


class PredictionWriter:
    """Adds one patient under one gene mode at a time to an open file."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema

    def add(self, patient_id: str, genes: str, donor: str | None, slices: Sequence[NDArray[np.uint8]]) -> None:
        """Append the slices, each (rows, cols) of floor(256 p); `donor` is the patient whose genes were used."""
        count = len(slices)
        columns = {
            "patient_id": [patient_id] * count,
            "slice": range(count),
            "genes": [genes] * count,
            "donor": [donor] * count,
            "rows": [plane.shape[0] for plane in slices],
            "cols": [plane.shape[1] for plane in slices],
            "probability": [plane.tobytes() for plane in slices],
        }
        self._writer.write_table(pa.table(columns, schema=self._schema))


@contextmanager
def prediction_writer(path: Path | str, spec: str) -> Iterator[PredictionWriter]:
    """Open a prediction file that appears at `path` only when the block ends well; `spec` is the run as JSON."""
    schema = PREDICTIONS.with_metadata({"spec": spec})
    with atomic_path(path) as part, pq.ParquetWriter(part, schema, **WRITING) as writer:
        yield PredictionWriter(writer, schema)
