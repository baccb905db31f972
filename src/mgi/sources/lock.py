"""Locks: what discovery found and what was chosen, so that a run can be repeated after the archive has changed."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar

from mgi.core import settings
from mgi.core.errors import BadInputError, ConfigError, MgiError
from mgi.core.files import read_json
from mgi.core.ids import is_dicom_uid

# Keys and digests become file names: nothing else than these may come out of a lock or an archive.
_MD5 = re.compile(r"^[0-9a-f]{32}$")
_SHA256 = re.compile(r"^[0-9a-f]{64}$")
_IN_FOLDERS = ("nifti", "dicom")
# Left out of the file where they say nothing, so that the locks of sources without them stay as they were.
_ONLY_WHERE_SET = ("version", "digest")


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
    """One series on offer; `key` is the SeriesInstanceUID, the Kaggle folder, or a file's path in the user's folder.

    `size` is in bytes before packing; `digest` pins the content of a chosen item that lies in the user's folder.
    """

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
    digest: str | None = None


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
    """Every series of a collection, one FLAIR and its masks chosen per patient at most.

    `version` is that of the service's interface which answered.
    """

    source: Literal["tcia", "kaggle", "nifti", "dicom"]
    collection: str | None
    simulated: bool
    table: Table | None
    items: tuple[ImageItem, ...]
    version: str | None = None
    kind: Literal["images"] = "images"
    format: Literal[1] = 1


L = TypeVar("L", ExpressionLock, ImageLock)


def as_json(lock: ExpressionLock | ImageLock) -> dict[str, Any]:
    """The lock as written: items sorted, so that the same content gives the same bytes."""
    plain = _without_empty(dataclasses.asdict(lock))
    items = [_without_empty(item) for item in plain["items"]]
    plain["items"] = sorted(items, key=lambda item: (item["patient_id"], item["key"]))
    return plain


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None or name not in _ONLY_WHERE_SET}


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
    if source in _IN_FOLDERS and isinstance(item, ImageItem):
        _check_in_folder(source, item)
    if source == "tcia" and not is_dicom_uid(item.key):
        raise BadInputError(f"items: key {item.key!r}, expected a DICOM UID (digits and points)")
    if source == "gdc" and isinstance(item, ExpressionItem) and not _MD5.match(item.md5 or ""):
        raise BadInputError(f"items: {item.key}: md5 {item.md5!r}, expected 32 hexadecimal digits")
    if item.size < 0:
        raise BadInputError(f"items: {item.key}: size {item.size}, expected 0 or more")


def _check_in_folder(source: str, item: ImageItem) -> None:
    path = PurePosixPath(item.key)
    inside = not path.is_absolute() and ".." not in path.parts and item.key == str(path) and item.key.isprintable()
    if not (source == "dicom" and is_dicom_uid(item.key)) and not inside:
        raise BadInputError(f"items: key {item.key!r}, expected a path inside of the folder")
    if not _SHA256.match(item.digest or ""):
        raise BadInputError(f"items: {item.key}: digest {item.digest!r}, expected 64 hexadecimal digits")


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
