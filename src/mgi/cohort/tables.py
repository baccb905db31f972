"""The cohort and the split as Parquet for the next stage and as text for people."""

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mgi.cohort.pairing import CohortRow
from mgi.cohort.split import SiteCount, SplitRow
from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.shards.parquet import read_table, write_table
from mgi.shards.schemas import COHORT, SPLIT


def write_cohort(rows: Sequence[CohortRow], parquet: Path | str, tsv: Path | str) -> None:
    """Write the cohort, a row per patient."""
    _write([dataclasses.asdict(row) for row in rows], COHORT, parquet, tsv)


def read_cohort(path: Path | str) -> pd.DataFrame:
    """The cohort with the columns of schemas.COHORT.

    Raises BadInputError where columns differ or a patient occurs twice.
    """
    cohort: pd.DataFrame = read_table(path, COHORT).to_pandas()
    if (repeated := cohort["patient_id"].duplicated()).any():
        raise BadInputError(
            f"{path}: {cohort['patient_id'][repeated].iloc[0]} occurs twice, expected one row per patient"
        )
    return cohort


def write_split(rows: Sequence[SplitRow], parquet: Path | str, tsv: Path | str | None = None) -> None:
    """Write the split, a row per fold and patient; as text too where `tsv` names a file."""
    _write([row._asdict() for row in rows], SPLIT, parquet, tsv)


def write_split_sites(rows: Sequence[SiteCount], tsv: Path | str) -> None:
    """Write patients per fold, site and role, as text."""
    with atomic_path(tsv) as part, part.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(SiteCount._fields)
        writer.writerows(rows)


def read_split(path: Path | str) -> pd.DataFrame:
    """The split with the columns of schemas.SPLIT.

    Raises BadInputError where columns differ or a patient has two roles in one fold.
    """
    split: pd.DataFrame = read_table(path, SPLIT).to_pandas()
    if (repeated := split.duplicated(["fold", "patient_id"])).any():
        fold, patient = split.loc[repeated, ["fold", "patient_id"]].iloc[0]
        raise BadInputError(f"{path}: fold {fold}: {patient} occurs twice, expected one role per fold")
    return split


def patients_with_role(split: pd.DataFrame, fold: int, role: str) -> list[str]:
    """Patients of one role in one fold, sorted.

    Raises BadInputError where the fold is unknown.
    """
    if fold not in set(split["fold"]):
        raise BadInputError(f"split: fold {fold}, expected one of {sorted(set(split['fold']))}")
    return sorted(split.loc[(split["fold"] == fold) & (split["role"] == role), "patient_id"])


def _write(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, parquet: Path | str, tsv: Path | str | None) -> None:
    write_table(parquet, pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
    if tsv is None:
        return
    with atomic_path(tsv) as part, part.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(schema.names)
        writer.writerows([_as_text(row[name]) for name in schema.names] for row in rows)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(value)
    return " ".join(str(value).split())
