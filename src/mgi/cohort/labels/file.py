"""The labels of a cohort as Parquet for the next stage and as text for people."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mgi.cohort.labels.labels import CohortLabels
from mgi.cohort.labels.settings import PATIENT
from mgi.cohort.tables import write_with_text
from mgi.core.errors import BadInputError, IntegrityError
from mgi.shards.parquet import metadata_of, opened_parquet, require_schema
from mgi.shards.schemas import label_columns

_ABOUT = "labels"


@dataclass(frozen=True, kw_only=True)
class LabelTable:
    """The table, a row a patient with the columns of schemas.label_columns.

    `classes` are its class labels. `endpoint` says what the event is; None where there is no survival. `read_off` has
    the modalities that tell a label by themselves; `refuses_circular` says that no model of such a pair is wanted.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    source: str
    endpoint: str | None
    survival_source: str | None
    read_off: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refuses_circular: bool = False

    def circular(self, name: str, modalities: Collection[str]) -> str | None:
        """Why a model that reads these modalities says nothing new of a label; None where it does."""
        told_by = [modality for modality in self.read_off.get(name, ()) if modality in modalities]
        return f"{name} is read off {' and '.join(told_by)}" if told_by else None

    def require_not_circular(self, name: str, modalities: Collection[str]) -> None:
        """Raise BadInputError where a pair is circular and such pairs are refused."""
        if self.refuses_circular and (reason := self.circular(name, modalities)):
            raise BadInputError(
                f"labels.read_off: {reason}, found a model of {', '.join(modalities)} for it, expected other inputs; "
                "labels.circular: label lets it pass with that mark"
            )

    def known(self, name: str) -> dict[str, str]:
        """The class of each patient whose class is known."""
        if name not in self.classes:
            raise BadInputError(f"labels: found no class {name!r}, expected one of {', '.join(self.classes) or 'none'}")
        known = self.table[self.table[name].notna()]
        return dict(zip(known[PATIENT], known[name], strict=True))


def write_labels(
    found: CohortLabels,
    parquet: Path | str,
    tsv: Path | str,
    *,
    read_off: Mapping[str, Sequence[str]] | None = None,
    refuses_circular: bool = False,
    made_from: Sequence[Path | str] = (),
) -> None:
    """Write a row for each patient of the cohort, where the labels come from, and what of them is circular."""
    labels = found.labels
    origin = {"source": labels.source, "endpoint": labels.endpoint, "survival_source": labels.survival_source}
    about: dict[str, Any] = {
        **labels.metadata,
        **origin,
        "classes": dict(labels.column_of),
        "not_in_cohort": len(found.others),
    }
    told_by = {name: list(told) for name, told in (read_off or {}).items()}
    about |= {"read_off": told_by, "refuses_circular": refuses_circular}
    rows: list[Mapping[str, Any]] = [
        {
            **{name: getattr(row, name) for name in ("time_days", "event", "survival_reason", "age_years", "sex")},
            **row.classes,
            **origin,
            "patient_id": patient,
            "reason": found.reason(patient),
            "simulated": labels.simulated,
        }
        for patient, row in found.rows.items()
    ]
    schema = label_columns(tuple(labels.column_of)).with_metadata({_ABOUT: json.dumps(about, sort_keys=True)})
    write_with_text(rows, schema, parquet, tsv, made_from)


def read_labels(path: Path | str) -> LabelTable:
    """The labels as they were written."""
    with opened_parquet(path) as source:
        text = metadata_of(source.schema_arrow, path, [_ABOUT])[_ABOUT]
        try:
            about = json.loads(text)
            named = set(map(str, about["classes"]))
            origin = {name: about[name] for name in ("source", "endpoint", "survival_source")}
            read_off = {str(name): tuple(map(str, told)) for name, told in about["read_off"].items()}
            refuses = bool(about["refuses_circular"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise IntegrityError(f"{path}: {_ABOUT}: not what labels say of themselves; make them again") from None
        # In the order of the columns, which is that of the settings; the metadata is sorted.
        found = [name for name in source.schema_arrow.names if name in named]
        classes = (*found, *sorted(named.difference(found)))
        require_schema(source.schema_arrow, label_columns(classes), path)
        table: pd.DataFrame = source.read().to_pandas()
    if (repeated := table[PATIENT].duplicated()).any():
        first = table[PATIENT][repeated].iloc[0]
        raise BadInputError(f"{path}: {first} occurs twice, expected one row per patient")
    return LabelTable(table=table, classes=classes, read_off=read_off, refuses_circular=refuses, **origin)
