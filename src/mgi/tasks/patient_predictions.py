"""The prediction file of a task of whole patients: a row a patient and expression input, and what its columns mean.

What the weights say of their outputs (their `head`) travels along, so that a reader needs no weights.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from mgi.core.errors import BadInputError
from mgi.core.run import ENTRY, Run
from mgi.shards.parquet import read_table, write_table

HEAD = "head"
_FIRST = (
    pa.field("patient_id", pa.string(), nullable=False),
    pa.field("expression_input", pa.string(), nullable=False),
    pa.field("donor", pa.string()),
)


def schema_of(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    """The columns that every such file has, then a task's own."""
    return pa.schema([*_FIRST, *(pa.field(name, kind, nullable=False) for name, kind in columns.items())])


@dataclass(frozen=True)
class PatientWriter:
    """Keeps one patient with one expression input at a time."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, patient_id: str, expression_input: str, donor: str | None, prediction: Mapping[str, Any]) -> None:
        """Keep the values of a task's own columns; `donor` is the patient whose expression was used."""
        self.rows.append({"patient_id": patient_id, "expression_input": expression_input, "donor": donor, **prediction})


@contextmanager
def patient_writer(path: Path | str, run: Run, schema: pa.Schema, head: Mapping[str, Any]) -> Iterator[PatientWriter]:
    """Open a prediction file that appears at `path` only when the block ends well and names the run."""
    writer = PatientWriter()
    yield writer
    metadata = {ENTRY: run.as_json(), HEAD: json.dumps(head, sort_keys=True)}
    write_table(path, pa.Table.from_pylist(writer.rows, schema.with_metadata(metadata)))


def read_patients(path: Path, schema: pa.Schema) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of a prediction file, and its head.

    Raises BadInputError where a patient stands twice with one expression input.
    """
    table = read_table(path, schema)
    metadata = table.schema.metadata or {}
    if HEAD.encode() not in metadata:
        raise BadInputError(f"{path}: {HEAD}: missing, expected what the outputs mean; predict again")
    rows, seen = table.to_pylist(), set()
    for row in rows:
        case = (row["patient_id"], row["expression_input"])
        if case in seen:
            raise BadInputError(f"{path}: patient {case[0]}: found twice with input {case[1]}, expected one row")
        seen.add(case)
    return rows, json.loads(metadata[HEAD.encode()])
