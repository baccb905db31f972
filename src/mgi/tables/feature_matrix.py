"""A user's table of features and samples, either way round, in which values may be missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.ids import barcode_of
from mgi.tables.sample_labels import SAMPLE_COLUMNS, require_patients
from mgi.tables.table_file import read_table_file
from mgi.tables.table_parts import TableFile, Use

FEATURE_COLUMNS = ("feature_id", "feature", "probe", "probe_id", "mirna_id", "peptide_target", "antibody", "gene_id")
"""Names of the first column that say that features are in rows, where no sample is named by a barcode."""
CHROMOSOME_COLUMNS, START_COLUMNS = ("chromosome", "chr", "seqnames"), ("start", "position", "mapinfo")
BESIDE_SAMPLES = (*CHROMOSOME_COLUMNS, *START_COLUMNS, "end", "strand", "name", "gene_name", "type", "kind", "agid")
"""What columns are called that are no samples, where features are in rows."""


@dataclass(frozen=True, kw_only=True)
class FeatureMatrix:
    """Values (n, F) float32 as the file has them, NaN where missing: a row a sample (sorted), a column a feature.

    `chromosomes` and `starts` are those of the features where the table has a column of them, else None; an entry is
    None where it is missing. `ignored` are further columns beside the samples, `empty` features without any value.
    """

    samples: list[str]
    features: list[str]
    values: NDArray[np.float32]
    chromosomes: list[str | None] | None = None
    starts: list[int | None] | None = None
    ignored: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def read_feature_matrix(path: Path | str) -> FeatureMatrix:
    """Read a table and find out which way round it lies: from its TCGA barcodes, else from the first column's name.

    Raises BadInputError naming file and place for an unknown ending, a table that does not say where its samples are,
    repeated samples or features, values that are not numbers or not finite, or a sample without any value.
    """
    path = Path(path)
    table = read_table_file(path, lambda names, textual: _uses(names, path))
    in_columns = _samples(table.names)
    if in_columns:
        features, samples = table.texts(0), [table.names[column].strip() for column in in_columns]
        _require_finite(table, features, path)
        values = np.stack([table.numbers(column) for column in in_columns])
    else:
        samples, features = table.texts(0), [name.strip() for name in table.names[1:]]
        require_patients(samples, table.names, path)
        _require_finite(table, samples, path)
        values = table.values.T
    for what, labels in (("sample", samples), ("feature", features)):
        _require_distinct(what, labels, path)
    measured = ~np.isnan(values)
    for row in np.flatnonzero(~measured.any(axis=1))[:1]:
        raise BadInputError(f"{path}: sample {samples[row]}: no value in any feature")
    kept = np.flatnonzero(measured.any(axis=0))
    order = np.argsort(np.array(samples), kind="stable")
    chromosome, start = (_beside(table, in_columns, names) for names in (CHROMOSOME_COLUMNS, START_COLUMNS))
    return FeatureMatrix(
        samples=[samples[row] for row in order],
        features=[features[column] for column in kept],
        values=np.ascontiguousarray(values[np.ix_(order, kept)]),
        chromosomes=None if chromosome is None else [table.texts(chromosome)[row] or None for row in kept],
        starts=None if start is None else [_whole(table.texts(start)[row], features[row], path) for row in kept],
        ignored=tuple(
            name
            for column, name in enumerate(table.names)
            if in_columns and column and column not in {*in_columns, chromosome, start}
        ),
        empty=tuple(features[column] for column in np.flatnonzero(~measured.any(axis=0))),
    )


def _samples(names: Sequence[str]) -> list[int]:
    """Which columns are samples: those named by barcodes, else all beside what describes features in rows."""
    named = [column for column, name in enumerate(names) if barcode_of(name) is not None]
    if named or names[0].strip().lower() not in FEATURE_COLUMNS:
        return named
    return [column for column, name in enumerate(names) if column and name.strip().lower() not in BESIDE_SAMPLES]


def _uses(names: Sequence[str], path: Path) -> list[Use]:
    samples = set(_samples(names))
    if 0 in samples:
        raise BadInputError(f"{path}: column 1 is the sample {names[0]!r}, expected the names of the features")
    if samples:
        return ["number" if column in samples else "text" for column in range(len(names))]
    if names[0].strip().lower() in BESIDE_SAMPLES:
        found = ", ".join((*SAMPLE_COLUMNS[:1], *FEATURE_COLUMNS[:3]))
        raise BadInputError(f"{path}: column 1 is {names[0]!r}, expected {found}, or samples named by barcodes")
    return ["number" if column else "text" for column in range(len(names))]


def _beside(table: TableFile, samples: Sequence[int], wanted: Sequence[str]) -> int | None:
    """The column beside the samples that has one of these names."""
    names = {name.strip().lower(): column for column, name in enumerate(table.names) if samples and column}
    return next((names[name] for name in wanted if name in names), None)


def _whole(text: str, feature: str, path: Path) -> int | None:
    if text in ("", "NA"):
        return None
    if not (text.isascii() and text.isdigit()):
        raise BadInputError(f"{path}: start of {feature}: found {text[:40]!r}, expected a whole number")
    return int(text)


def _require_finite(table: TableFile, rows: Sequence[str], path: Path) -> None:
    if table.infinite is not None:
        column, row, value = table.infinite
        found = f"column {table.names[column]}, row {rows[row]}: found {value}"
        raise BadInputError(f"{path}: {found}, expected a finite number")


def _require_distinct(what: str, labels: Sequence[str], path: Path) -> None:
    seen: set[str] = set()
    for label in labels:
        if not label:
            raise BadInputError(f"{path}: a {what} without a name, expected one")
        if label in seen:
            raise BadInputError(f"{path}: {what} {label!r} occurs twice, expected unique names")
        seen.add(label)
