"""NBIA's getSeries rows as series, and what an empty listing means.

Source: CBIIT/NBIA-TCIA, nbia-api v4. Keys with a null value are left out of the reply.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError, NetworkError
from mgi.core.ids import patient_id_of
from mgi.sources.dates import iso_date
from mgi.sources.retry import TransientError
from mgi.sources.service import Request, Service

MOVED = (
    "raw TCGA-LGG MRI left anonymous TCIA in July 2025 and is controlled access now (dbGaP phs004225, General Commons)"
)
ALTERNATIVES = (
    "use images.source: kaggle with the Kaggle dataset mateuszbuda/lgg-mri-segmentation, "
    "or a committed lock of a collection that you may read"
)


@dataclass(frozen=True, kw_only=True)
class TciaSeries:
    """One series as listed; `size` in bytes before packing."""

    patient_id: str
    study_uid: str
    study_date: str | None
    key: str
    modality: str
    description: str
    n_images: int
    size: int
    third_party: bool


def patient_count(service: Service, collection: str) -> int:
    """How many patients of a collection are visible without an account.

    Raises NetworkError where none is.
    """
    request = Request(path="getPatient", label=f"patients of {collection}", params={"Collection": collection})
    return len(_rows(service, request, collection))


def series_rows(service: Service, collection: str) -> tuple[Mapping[str, Any], ...]:
    """Every visible series of a collection.

    Raises NetworkError where none is: the service answers 200 with an empty body for what may not be seen.
    """
    request = Request(path="getSeries", label=f"series of {collection}", params={"Collection": collection})
    return tuple(_rows(service, request, collection))


def sop_uids(service: Service, series: str) -> list[str]:
    """The SOPInstanceUIDs that the service holds for a series, sorted."""
    request = Request(path="getSOPInstanceUIDs", label=f"series {series}", params={"SeriesInstanceUID": series})
    rows = service.json(request) or []
    try:
        return sorted(str(row["SOPInstanceUID"]) for row in rows)
    except (TypeError, KeyError):
        raise NetworkError(f"{service.name}: series {series}: getSOPInstanceUIDs without SOPInstanceUID") from None


def _rows(service: Service, request: Request, collection: str) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = service.json(request, lambda reply: _check_rows(reply, request.label))
    if not rows:
        why = MOVED if collection.upper().startswith("TCGA") else "the collection may be restricted or misspelt"
        raise NetworkError(f"{service.name}: no series of collection {collection!r} is visible: {why}; {ALTERNATIVES}")
    return rows


def _check_rows(rows: Any, label: str) -> None:
    """Raise TransientError for what is no list of objects, or names a series twice (and so, as like, another never)."""
    if rows is None:
        return
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TransientError(NetworkError(f"NBIA: {label}: expected a list of objects"))
    times = Counter(row["SeriesInstanceUID"] for row in rows if "SeriesInstanceUID" in row)
    twice = sorted(str(uid) for uid, count in times.items() if count > 1)
    if twice:
        raise TransientError(IntegrityError(f"NBIA: {label}: series {twice[0]} is listed twice"))


def read_series(row: Mapping[str, Any]) -> TciaSeries:
    """One getSeries row, dates turned to YYYY-MM-DD.

    Raises BadInputError naming the series and the field.
    """
    uid = str(row.get("SeriesInstanceUID", "?"))
    date = row.get("StudyDate") or row.get("SeriesDate")
    try:
        return TciaSeries(
            patient_id=patient_id_of(str(row["PatientID"])),
            study_uid=str(row["StudyInstanceUID"]),
            study_date=iso_date(str(date)) if date else None,
            key=str(row["SeriesInstanceUID"]),
            modality=str(row.get("Modality") or ""),
            description=str(row.get("SeriesDescription") or ""),
            n_images=int(row.get("ImageCount") or 0),
            size=int(row.get("FileSize") or 0),
            third_party=str(row.get("ThirdPartyAnalysis") or "").upper() == "YES",
        )
    except KeyError as error:
        raise BadInputError(f"NBIA series {uid}: no {error.args[0]}") from None
    except (ValueError, BadInputError) as error:
        raise BadInputError(f"NBIA series {uid}: {error}") from None
