"""How much of a slide encoder's attention each tile of test patients' slides has, as Parquet; no torch."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from mgi.core.errors import BadInputError
from mgi.core.run import ENTRY, Run
from mgi.shards.parquet import read_table, write_table

TILE_ATTENTION = pa.schema(
    [
        ("patient_id", pa.string()),
        ("slide_id", pa.string()),
        ("tile", pa.int32()),  # counted from 0 within the slide, as in the shard
        ("x0", pa.int32()),  # pixels of level 0
        ("y0", pa.int32()),
        ("attention", pa.float32()),  # share of the patient's tiles; they add up to 1
    ]
)
TOLERANCE = 1e-3


class TileAttention(NamedTuple):
    """A row of the file."""

    patient_id: str
    slide_id: str
    tile: int
    x0: int
    y0: int
    attention: float


def write_tile_attention(path: Path, rows: Iterable[TileAttention], run: Run, made_from: Sequence[Path]) -> None:
    """Write the rows with the run whose encoder they are of."""
    table = pa.Table.from_pylist([row._asdict() for row in rows], schema=TILE_ATTENTION)
    write_table(path, table.replace_schema_metadata({ENTRY: run.as_json()}), made_from)


def read_tile_attention(path: Path) -> pd.DataFrame:
    """The rows. Raises BadInputError where those of a patient do not add up to 1."""
    table: pd.DataFrame = read_table(path, TILE_ATTENTION).to_pandas()
    for patient, total in table.groupby("patient_id", sort=True)["attention"].sum().items():
        if not abs(total - 1) <= TOLERANCE:
            raise BadInputError(f"{path}: {patient}: attention: found a sum of {total:.4f}, expected 1")
    return table
