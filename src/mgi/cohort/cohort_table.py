"""The cohort as Parquet for the next stage and as text for people, and what it says of pairs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mgi.cohort.pairing import EXCLUDED, KEPT, CohortRow
from mgi.cohort.presence import Offer
from mgi.cohort.tables import write_with_text
from mgi.core.errors import BadInputError, IntegrityError
from mgi.shards.parquet import metadata_of, opened_parquet, require_schema
from mgi.shards.schemas import cohort_columns

_ABOUT = "modalities"


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """The table, a row a patient with the columns of schemas.cohort_columns; `modalities` says what each is."""

    table: pd.DataFrame
    companions: Mapping[str, tuple[str, ...]]
    images: tuple[str, ...]
    required: tuple[str, ...]

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
        return self._selected(self._has(images=False) & ~self._has(images=True))

    def with_images_only(self) -> list[str]:
        """Patients with all required images and their companions and not all tables."""
        companions = [f"{name}_{role}" for name in self.required for role in self.companions[name]]
        return self._selected(self._has(images=True, more=companions) & ~self._has(images=False))

    def present(self, modality: str) -> pd.DataFrame:
        """The rows of all who have a modality and are not excluded, by patient."""
        rows = self.table[self.table[modality] & (self.table["reason"] != EXCLUDED)]
        return rows.sort_values("patient_id")

    def _selected(self, chosen: pd.Series) -> list[str]:
        return list(self.table.loc[chosen & (self.table["reason"] != EXCLUDED), "patient_id"])

    def _has(self, *, images: bool, more: Sequence[str] = ()) -> pd.Series:
        """Whether a patient has all required modalities of a kind, and what `more` columns name."""
        return self.table[[*(name for name in self.required if (name in self.images) is images), *more]].all(axis=1)


def write_cohort(
    rows: Sequence[CohortRow], offers: Sequence[Offer], required: Sequence[str], parquet: Path | str, tsv: Path | str
) -> None:
    """Write the cohort, a row per patient, and what its modalities are."""
    companions = {offer.modality: offer.companions for offer in offers}
    about = {
        offer.modality: {
            "companions": offer.companions, "is_image": offer.is_image, "required": offer.modality in required
        }
        for offer in offers
    }  # fmt: skip
    schema = cohort_columns(companions).with_metadata({_ABOUT: json.dumps(about)})
    write_with_text([_flat(row) for row in rows], schema, parquet, tsv)


def _flat(row: CohortRow) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "patient_id": row.patient_id, "site": row.site, "status": row.status, "reason": row.reason,
        "notes": row.notes, "simulated": row.simulated,
    }  # fmt: skip
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
    )


def _about(text: str, path: Path | str) -> dict[str, dict[str, Any]]:
    try:
        about = json.loads(text)
        return {name: {key: one[key] for key in ("companions", "is_image", "required")} for name, one in about.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise IntegrityError(f"{path}: {_ABOUT}: not what a cohort says of itself; make it again") from None
