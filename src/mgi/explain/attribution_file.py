"""What `mgi explain` finds of one run, as Parquet: attributions, deletion curves, and maps of attention; no torch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.run import ENTRY, EXPRESSION, Run, run_of
from mgi.shards.parquet import metadata_of, read_table, write_table

IG, IG_NOISE = "ig", "ig_noise"
TRAINED, RANDOM_WEIGHTS = "trained", "random_weights"

ATTRIBUTIONS = pa.schema(
    [
        ("patient_id", pa.string()),
        ("value", pa.string()),
        ("method", pa.string()),
        ("network", pa.string()),
        ("draw", pa.int32()),  # of the random weights, from 0
        ("change", pa.float64()),  # of the answer, from the average patient to this one
        ("error", pa.float64()),  # by how much the attributions miss it, as a share
        ("steps", pa.int32()),
        ("attributions", pa.list_(pa.float32())),  # in the order of the genes in the metadata
    ]
)
DELETION = pa.schema(
    [
        ("patient_id", pa.string()),
        ("value", pa.string()),
        ("order", pa.string()),  # own or random
        ("share", pa.float64()),  # of all genes, set to the average
        ("remaining", pa.float64()),  # of the answer above the average patient's, of the sign that it has
    ]
)
ATTENTION = pa.schema(
    [
        ("patient_id", pa.string()),
        ("slice", pa.int32()),
        ("side", pa.int32()),  # pixels of the square that the network sees
        ("image", pa.binary()),  # a byte a pixel, from the slice's darkest to its brightest
        ("truth", pa.binary()),  # a byte a pixel: 1 where the reference mask covers half of it
        ("prediction", pa.binary()),  # a byte a pixel: 1 where the probability is a half or more
        ("donor", pa.string()),  # whose genes gave `other`
        ("own", pa.list_(pa.float32())),  # share of attention on each patch, row by row
        ("other", pa.list_(pa.float32())),
        ("null", pa.list_(pa.float32())),
    ]
)
ATTENTION_OF_RUNS = ATTENTION.append(pa.field("run", pa.string()))
"""The maps of several runs."""
_ABOUT = "explain"


@dataclass(frozen=True, kw_only=True)
class Attributions:
    """Of one run: a row of `values` (rows, G) for each entry of the columns; `about` says how they were found.

    `genes` are ids and names in the order of the values.
    """

    run: Run
    gene_ids: list[str]
    gene_names: list[str | None]
    about: Mapping[str, Any]
    patient_id: NDArray[np.object_]
    value: NDArray[np.object_]
    method: NDArray[np.object_]
    network: NDArray[np.object_]
    draw: NDArray[np.int32]
    change: NDArray[np.float64]
    error: NDArray[np.float64]
    steps: NDArray[np.int32]
    values: NDArray[np.float32]

    def of(self, value: str, method: str, network: str = TRAINED) -> NDArray[np.float32]:
        """The rows (P, G) of one value, method and network."""
        return self.values[self.rows(value, method, network)]

    def rows(self, value: str, method: str, network: str = TRAINED) -> NDArray[np.int64]:
        """Their numbers."""
        return np.flatnonzero((self.value == value) & (self.method == method) & (self.network == network))

    def random_draws(self, value: str) -> list[NDArray[np.float32]]:
        """The rows (P, G) of one value by integrated gradients, for each network with random weights."""
        rows = self.rows(value, IG, RANDOM_WEIGHTS)
        return [self.values[rows[self.draw[rows] == draw]] for draw in np.unique(self.draw[rows])]

    @property
    def spans(self) -> dict[str, slice]:
        """Columns of the values by modality, where several stand side by side; else none."""
        spans, start = {}, 0
        for name, numbers in sorted(self.about.get("modalities", {}).items()):
            spans[name] = slice(start, start + numbers)
            start += numbers
        return spans

    @property
    def genes(self) -> range:
        """Columns of the values that are of expression: all but where several modalities stand side by side."""
        width = self.values.shape[1]
        spans = self.spans or {EXPRESSION: slice(0, width)}
        return range(width)[spans.get(EXPRESSION, slice(0))]

    def methods(self, value: str) -> list[str]:
        """Methods by which a value of the trained network was explained."""
        return sorted(set(self.method[(self.value == value) & (self.network == TRAINED)]))


def write_attributions(
    path: Path,
    rows: Sequence[Mapping[str, Any]],
    *,
    run: Run,
    genes: tuple[list[str], list[str | None]],
    about: Mapping[str, Any],
    made_from: Sequence[Path],
) -> None:
    """Write the rows of ATTRIBUTIONS with the run, its genes (ids and names) and how they were found."""
    told = {"genes": genes[0], "gene_names": genes[1], **about}
    metadata = {ENTRY: run.as_json(), _ABOUT: json.dumps(told, sort_keys=True)}
    table = pa.Table.from_pylist(list(rows), schema=ATTRIBUTIONS)
    write_table(path, table.replace_schema_metadata(metadata), made_from)


def read_attributions(path: Path) -> Attributions:
    """Read what `write_attributions` wrote."""
    table = read_table(path, ATTRIBUTIONS)
    about = json.loads(metadata_of(table.schema, path, [_ABOUT])[_ABOUT])
    ids, names = about.pop("genes"), about.pop("gene_names")
    flat = table["attributions"].combine_chunks().flatten().to_numpy()
    plain = {name: table[name].to_numpy() for name in ATTRIBUTIONS.names if name != "attributions"}
    return Attributions(
        run=run_of(table.schema.metadata or {}, str(path)),
        gene_ids=ids,
        gene_names=names,
        about=about,
        values=flat.reshape(len(table), len(ids)),
        **plain,
    )


def write_rows(
    path: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema, run: Run, made_from: Sequence[Path]
) -> None:
    """Write rows of DELETION or ATTENTION with the run that they are of."""
    table = pa.Table.from_pylist(list(rows), schema=schema)
    write_table(path, table.replace_schema_metadata({ENTRY: run.as_json()}), made_from)
