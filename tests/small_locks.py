"""Locks, indexes and cohorts of a few patients, as tests of what reads them need."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mgi.cohort.pairing import CohortRow, Companion, Offer, Presence
from mgi.cohort.tables import write_cohort
from mgi.core.files import write_json
from mgi.locks.item import Item, metadata
from mgi.locks.lock import Lock, as_json
from mgi.modalities.registry import modality

_ITEM_FIELDS = set(Item.__dataclass_fields__)


def profile(patient: str, code: str = "01A", **changes: Any) -> Item:
    """A chosen expression profile; a change of a name that an item has not is one of its metadata."""
    sample = f"{patient}-{code}-11R-A001-07"
    given = {"key": f"g-{sample}", "sample": sample, "role": "rna", "md5": "0" * 32, "reason": "primary tumour"}
    return _item(patient, given, {"file_name": "x.tsv"}, changes)


def series(patient: str, role: str = "flair", **changes: Any) -> Item:
    """A chosen series; a change of a name that an item has not is one of its metadata."""
    given = {"key": f"{role}-{patient}", "role": role, "reason": "best", "digest": "0" * 64}
    described = {"study_uid": "1.2", "study_date": "2001-02-03", "description": "AX FLAIR", "n_images": 20}
    return _item(patient, given, described, changes)


def _item(patient: str, given: dict[str, Any], described: dict[str, Any], changes: dict[str, Any]) -> Item:
    own = {name: value for name, value in changes.items() if name in _ITEM_FIELDS}
    told = {name: value for name, value in changes.items() if name not in _ITEM_FIELDS}
    base = {"patient_id": patient, "size": 1, "chosen": True, "metadata": metadata(**(described | told))}
    return Item(**(base | given | own))


def rna_lock(*items: Item, **changes: Any) -> Lock:
    """A lock of expression at the GDC."""
    return Lock(**({"modality": "rna", "source": "gdc", "simulated": False, "items": items} | changes))


def flair_lock(*items: Item, **changes: Any) -> Lock:
    """A lock of images at TCIA."""
    return Lock(**({"modality": "flair", "source": "tcia", "simulated": False, "items": items} | changes))


def write_lock(path: Path, lock: Lock) -> Path:
    """The lock as a file."""
    write_json(path, as_json(lock))
    return path


def fetched(item: Item, **changes: Any) -> dict[str, Any]:
    """The line of a raw index about an item."""
    given = {"patient_id": item.patient_id, "key": item.key, "role": item.role, "path": None, "size": 1}
    return {**given, "sha256": "0" * 64, "metadata": {"n_images": 3} if "n_images" in item.metadata else {}, **changes}


def write_index(path: Path, name: str, entries: Sequence[dict[str, Any]], source: str = "tcia") -> Path:
    """A raw index of a modality."""
    write_json(path, {"modality": name, "format": 3, "source": source, "items": list(entries)})
    return path


def cohort_row(
    patient: str,
    *,
    rna: bool = True,
    flair: str | None = "i",
    masks: Sequence[str] = (),
    mask: bool | None = None,
    reason: str | None = None,
    **changes: Any,
) -> CohortRow:
    """A patient of a cohort; `flair` is the key of the image and `masks` those of its masks."""
    has_mask = bool(masks) if mask is None else mask
    found = {
        "rna": Presence(reason=None if rna else "no expression", key="e" if rna else None, companions={}, notes=()),
        "flair": Presence(
            reason="no image" if flair is None else None,
            key=flair,
            companions={"mask": Companion(present=has_mask, keys=tuple(masks), notes=())},
            notes=(),
        ),
    }
    given = {"patient_id": patient, "site": patient[5:7], "reason": reason, "modalities": found, "notes": ""}
    return CohortRow(**(given | {"simulated": False} | changes))


def write_cohort_table(rows: Sequence[CohortRow], parquet: Path, tsv: Path | None = None) -> Path:
    """A cohort of expression and images that every run needs."""
    offers = [
        Offer(lock=lock, raw={}, absent=kind.absent, note=kind.note, companions=kind.companions, is_image=kind.is_image)
        for lock in (rna_lock(), flair_lock())
        for kind in [modality(lock.modality)]
    ]
    write_cohort(rows, offers, ["rna", "flair"], parquet, tsv or parquet.with_suffix(".tsv"))
    return parquet
