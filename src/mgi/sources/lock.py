"""Locks: what discovery found and what was chosen, so that a run can be repeated after the archive has changed."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from mgi.core import settings
from mgi.core.errors import BadInputError, ConfigError, MgiError
from mgi.core.files import read_json

# Keys and digests become file names: nothing else than these may come out of a lock or an archive.
_UID = re.compile(r"^[0-9]+(\.[0-9]+){1,20}$")
_MD5 = re.compile(r"^[0-9a-f]{32}$")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A user's file that stands in for an archive."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class ExpressionItem:
    """One expression profile on offer; `key` is the GDC's file id or the label in the user's table."""

    patient_id: str
    sample: str | None
    aliquot: str | None
    key: str
    file_name: str | None
    size: int
    md5: str | None
    chosen: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class ImageItem:
    """One series on offer; `key` is the SeriesInstanceUID or the Kaggle folder, `size` the bytes before packing."""

    patient_id: str
    study_uid: str
    study_date: str | None
    key: str
    modality: str
    description: str
    n_images: int
    size: int
    role: Literal["flair", "mask", "other"]
    score: float
    chosen: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExpressionLock:
    """Every profile of a project, one chosen per patient at most."""

    source: Literal["gdc", "matrix"]
    release: str | None
    simulated: bool
    gene_model: str | None
    table: Table | None
    items: tuple[ExpressionItem, ...]
    kind: Literal["expression"] = "expression"
    format: Literal[1] = 1


@dataclass(frozen=True, kw_only=True)
class ImageLock:
    """Every series of a collection, one FLAIR and its masks chosen per patient at most."""

    source: Literal["tcia", "kaggle", "nifti", "dicom"]
    collection: str | None
    simulated: bool
    table: Table | None
    items: tuple[ImageItem, ...]
    kind: Literal["images"] = "images"
    format: Literal[1] = 1


L = TypeVar("L", ExpressionLock, ImageLock)


def as_json(lock: ExpressionLock | ImageLock) -> dict[str, Any]:
    """The lock as written: items sorted, so that the same content gives the same bytes."""
    plain = dataclasses.asdict(lock)
    plain["items"] = sorted(plain["items"], key=lambda item: (item["patient_id"], item["key"]))
    return plain


def read_lock(path: Path | str, cls: type[L], *, source: str) -> L:
    """Read and check a lock of the given kind and source.

    Raises BadInputError naming the file and the field, and ConfigError where the lock belongs to another source.
    """
    given = read_json(path)
    try:
        lock = settings.parse(cls, given, where="lock")
        check_lock(lock)
    except MgiError as error:
        raise BadInputError(f"{path}: {error}") from None
    if lock.source != source:
        raise ConfigError(f"{path}: a lock of source {lock.source!r}, but the configuration says source: {source}")
    return lock


def check_lock(lock: ExpressionLock | ImageLock) -> None:
    """Refuse a lock that a fetch could not follow safely.

    Raises BadInputError where nothing is chosen, a key repeats, a patient has two profiles or two FLAIR series, or
    a key or digest cannot be a file name.
    """
    keys = [item.key for item in lock.items]
    if len(set(keys)) != len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise BadInputError(f"items: key {twice[0]} occurs twice, expected unique keys")
    chosen = [item for item in lock.items if item.chosen]
    if not chosen:
        reasons = sorted({item.reason for item in lock.items})[:5]
        raise BadInputError(f"items: none of {len(keys)} is chosen ({'; '.join(reasons) or 'the list is empty'})")
    main = [item.patient_id for item in chosen if not (isinstance(item, ImageItem) and item.role == "mask")]
    if len(set(main)) != len(main):
        twice = sorted({patient for patient in main if main.count(patient) > 1})
        raise BadInputError(f"items: {twice[0]} has two chosen items, expected one per patient")
    for item in chosen:
        _check_names(lock.source, item)


def _check_names(source: str, item: ExpressionItem | ImageItem) -> None:
    if source == "tcia" and not (_UID.match(item.key) and len(item.key) <= 64):
        raise BadInputError(f"items: key {item.key!r}, expected a DICOM UID (digits and points)")
    if source == "gdc" and isinstance(item, ExpressionItem) and not _MD5.match(item.md5 or ""):
        raise BadInputError(f"items: {item.key}: md5 {item.md5!r}, expected 32 hexadecimal digits")
    if item.size < 0:
        raise BadInputError(f"items: {item.key}: size {item.size}, expected 0 or more")


def batch_of(items: tuple[Any, ...], batch: str) -> list[Any]:
    """The chosen items of one batch: `2-of-4` holds every fourth of the sorted chosen items, from the second.

    Raises ConfigError where `batch` is not I-of-N.
    """
    found = re.match(r"^(\d+)-of-(\d+)$", batch)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigError(f"batch: found {batch!r}, expected I-of-N such as 1-of-4")
    index, count = int(found[1]) - 1, int(found[2])
    chosen = sorted((item for item in items if item.chosen), key=lambda item: (item.patient_id, item.key))
    return chosen[index::count]
