"""The cohort and the split as Parquet for the next stage and as text for people."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mgi.cohort.pairing import DROPPED, EXCLUDED, KEPT, CohortRow, Offer
from mgi.cohort.split import TEST, TRAIN, VALIDATION, SplitRow
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.sidecar import digested_path
from mgi.shards.parquet import metadata_of, opened_parquet, read_table, require_schema, write_table
from mgi.shards.schemas import SPLIT, cohort_columns


def write_split(
    rows: Sequence[SplitRow],
    parquet: Path | str,
    tsv: Path | str | None = None,
    *,
    made_from: Sequence[Path | str] = (),
) -> None:
    """Write the split, a row per fold and patient; as text too where `tsv` names a file."""
    write_with_text([row._asdict() for row in rows], SPLIT, parquet, tsv, made_from)


def write_split_sites(rows: Sequence[SplitRow], tsv: Path | str, made_from: Sequence[Path | str] = ()) -> pd.DataFrame:
    """Write as text, and return, how many patients of each hospital a fold trains, validates and tests on.

    Batch effects follow the site, so a fold should train on those it tests. Only patients with both expression and an
    image are counted.
    """
    roles = [TRAIN, VALIDATION, TEST]
    paired = pd.DataFrame([row for row in rows if row.role in roles], columns=list(SplitRow._fields))
    counts = pd.crosstab([paired["fold"], paired["site"]], paired["role"])
    sites = counts.reindex(columns=roles, fill_value=0).reset_index()
    _write_text(tsv, list(sites.columns), sites.itertuples(index=False), made_from)
    return sites


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
    rows: Sequence[Mapping[str, Any]],
    schema: pa.Schema,
    parquet: Path | str,
    tsv: Path | str | None,
    made_from: Sequence[Path | str] = (),
) -> None:
    """Write rows as Parquet and, where `tsv` names a file, as text."""
    write_table(parquet, pa.Table.from_pylist([dict(row) for row in rows], schema=schema), made_from)
    if tsv is not None:
        texts = ([_as_text(row[name]) for name in schema.names] for row in rows)
        _write_text(tsv, schema.names, texts, [parquet])


def _write_text(
    tsv: Path | str, columns: Sequence[str], rows: Iterable[Sequence[Any]], made_from: Sequence[Path | str]
) -> None:
    with digested_path(tsv, made_from) as part, part.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text, delimiter="\t", lineterminator="\n").writerows([columns, *rows])


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(value)
    return " ".join(str(value).split())


_ABOUT = "modalities"
ANY_OF = "one_is_enough"


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """The table, a row a patient with the columns of schemas.cohort_columns; `modalities` says what each is."""

    table: pd.DataFrame
    companions: Mapping[str, tuple[str, ...]]
    images: tuple[str, ...]
    required: tuple[str, ...]
    any_of: tuple[str, ...] = ()

    @property
    def kept(self) -> list[str]:
        """Patients whom every run can use, sorted."""
        return sorted(self.table.loc[self.table["status"] == KEPT, "patient_id"])

    @property
    def sites(self) -> dict[str, str]:
        """The site of every patient."""
        return dict(zip(self.table["patient_id"], self.table["site"], strict=True))

    def with_tables_only(self) -> list[str]:
        """Patients with all required tables and not all images, who may train what reads tables."""
        return self._selected(self._has(images=False) & ~(self._has(images=True) & self._has_any()))

    def with_images_only(self) -> list[str]:
        """Patients with all required images and their companions and not all tables."""
        companions = [f"{name}_{role}" for name in self.required for role in self.companions[name]]
        return self._selected(self._has(images=True, more=companions) & self._has_any() & ~self._has(images=False))

    def present(self, modality: str) -> pd.DataFrame:
        """The rows of all who have a modality and are not excluded, by patient."""
        rows = self.table[self.table[modality] & (self.table["reason"] != EXCLUDED)]
        return rows.sort_values("patient_id")

    def _selected(self, chosen: pd.Series) -> list[str]:
        return list(self.table.loc[chosen & (self.table["reason"] != EXCLUDED), "patient_id"])

    def _has_any(self) -> pd.Series:
        """Whether a patient has one at least of the images of which one is enough."""
        return self.table[list(self.any_of)].any(axis=1) | (not self.any_of)

    def _has(self, *, images: bool, more: Sequence[str] = ()) -> pd.Series:
        """Whether a patient has all required modalities of a kind, and what `more` columns name."""
        return self.table[[*(name for name in self.required if (name in self.images) is images), *more]].all(axis=1)


def write_cohort(
    rows: Sequence[CohortRow],
    offers: Sequence[Offer],
    required: Sequence[str],
    parquet: Path | str,
    tsv: Path | str,
    *,
    made_from: Sequence[Path | str] = (),
    any_of: Sequence[str] = (),
) -> None:
    """Write the cohort, a row per patient, and what its modalities are."""
    companions = {offer.modality: offer.companions for offer in offers}
    about = {
        offer.modality: {
            "companions": offer.companions, "is_image": offer.is_image, "required": offer.modality in required,
            **({ANY_OF: True} if offer.modality in any_of else {}),
        }
        for offer in offers
    }  # fmt: skip
    schema = cohort_columns(companions).with_metadata({_ABOUT: json.dumps(about)})
    write_with_text([_flat(row) for row in rows], schema, parquet, tsv, made_from)


def write_reasons(rows: Sequence[CohortRow], offers: Sequence[Offer], tsv: Path | str) -> None:
    """Write the cohort as text alone, under a name that the workflow does not take away with a failed job's outputs."""
    names = cohort_columns({offer.modality: offer.companions for offer in offers}).names
    _write_text(tsv, names, ([_as_text(flat[name]) for name in names] for flat in map(_flat, rows)), ())


def _flat(row: CohortRow) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "patient_id": row.patient_id,
        "site": row.site,
        "status": KEPT if row.reason is None else DROPPED,
        "reason": row.reason,
        "notes": row.notes,
        "simulated": row.simulated,
    }
    for name, found in row.modalities.items():
        flat |= {name: found.present, f"{name}_reason": found.reason, f"{name}_key": found.key}
        for role, companion in found.companions.items():
            flat |= {f"{name}_{role}": companion.present, f"{name}_{role}_keys": companion.keys}
    return flat


def read_cohort(path: Path | str) -> Cohort:
    """The cohort as it was written."""
    with opened_parquet(path) as source:
        about = _about(metadata_of(source.schema_arrow, path, [_ABOUT])[_ABOUT], path)
        companions = {name: tuple(one["companions"]) for name, one in about.items()}
        require_schema(source.schema_arrow, cohort_columns(companions), path)
        cohort: pd.DataFrame = source.read().to_pandas()
    if (repeated := cohort["patient_id"].duplicated()).any():
        first = cohort["patient_id"][repeated].iloc[0]
        raise BadInputError(f"{path}: {first} occurs twice, expected one row per patient")
    return Cohort(
        table=cohort,
        companions=companions,
        images=tuple(name for name, one in about.items() if one["is_image"]),
        required=tuple(name for name, one in about.items() if one["required"]),
        any_of=tuple(name for name, one in about.items() if one[ANY_OF]),
    )


def _about(text: str, path: Path | str) -> dict[str, dict[str, Any]]:
    try:
        about = json.loads(text)
        keys = ("companions", "is_image", "required")
        return {
            name: {**{key: one[key] for key in keys}, ANY_OF: one.get(ANY_OF, False)} for name, one in about.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise IntegrityError(f"{path}: {_ABOUT}: not what a cohort says of itself; make it again") from None
