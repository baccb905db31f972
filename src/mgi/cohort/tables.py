"""The split as Parquet for the next stage and as text for people."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mgi.cohort.split import SiteCount, SplitRow
from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.shards.parquet import read_table, write_table
from mgi.shards.schemas import SPLIT


def write_split(rows: Sequence[SplitRow], parquet: Path | str, tsv: Path | str | None = None) -> None:
    """Write the split, a row per fold and patient; as text too where `tsv` names a file."""
    write_with_text([row._asdict() for row in rows], SPLIT, parquet, tsv)


def write_split_sites(rows: Sequence[SiteCount], tsv: Path | str) -> None:
    """Write patients per fold, site and role, as text."""
    _write_text(tsv, SiteCount._fields, rows)


def read_split(path: Path | str) -> pd.DataFrame:
    """The split with the columns of schemas.SPLIT."""
    split: pd.DataFrame = read_table(path, SPLIT).to_pandas()
    if (repeated := split.duplicated(["fold", "patient_id"])).any():
        fold, patient = split.loc[repeated, ["fold", "patient_id"]].iloc[0]
        raise BadInputError(f"{path}: fold {fold}: {patient} occurs twice, expected one role per fold")
    return split


def patients_with_role(split: pd.DataFrame, fold: int, role: str) -> list[str]:
    """Patients of one role in one fold, sorted."""
    if fold not in set(split["fold"]):
        raise BadInputError(f"split: fold {fold}, expected one of {sorted(set(split['fold']))}")
    return sorted(split.loc[(split["fold"] == fold) & (split["role"] == role), "patient_id"])


def write_with_text(
    rows: Sequence[Mapping[str, Any]], schema: pa.Schema, parquet: Path | str, tsv: Path | str | None
) -> None:
    """Write rows as Parquet and, where `tsv` names a file, as text."""
    write_table(parquet, pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
    if tsv is not None:
        _write_text(tsv, schema.names, ([_as_text(row[name]) for name in schema.names] for row in rows))


def _write_text(tsv: Path | str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic_path(tsv) as part, part.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text, delimiter="\t", lineterminator="\n").writerows([columns, *rows])


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(value)
    return " ".join(str(value).split())
