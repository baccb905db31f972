"""Locks: what discovery found and what was chosen, so that a run can be repeated after the archive has changed."""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar

from mgi.core import settings
from mgi.core.errors import BadInputError, ConfigError, MgiError
from mgi.core.ids import PRIMARY_TUMOUR, is_dicom_uid, sample_code_of
from mgi.locks.aliquots import REASONS_AGAINST

# Keys and digests become file names and addresses: nothing else than these may come out of a lock or an archive.
_MD5 = re.compile(r"^[0-9a-f]{32}$")
_SHA256 = re.compile(r"^[0-9a-f]{64}$")
_FILE_ID = re.compile(r"^[0-9A-Za-z][0-9A-Za-z-]{0,63}$")
# A person who chooses what the rules would not says so in the reason, which the lock's reviewer then reads.
BY_HAND = "by hand: "
_IN_FOLDERS = ("nifti", "dicom")
# Left out of the file where they say nothing, so that the locks of sources without them stay as they were.
_ONLY_WHERE_SET = {"images": ("version", "digest"), "expression": ()}


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
    version: str | None = None
    first_release: str | None = None
    """Release in which these bytes appeared; the GDC states a range, whose end would change with every release."""


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
    plain = _without_empty(dataclasses.asdict(lock), lock.kind)
    items = [_without_empty(item, lock.kind) for item in plain["items"]]
    plain["items"] = sorted(items, key=lambda item: (item["patient_id"], item["key"]))
    return plain


def _without_empty(fields: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None or name not in _ONLY_WHERE_SET[kind]}


def read_lock(path: Path | str, cls: type[L], *, source: str | None = None) -> L:
    """Read and check a lock of the given kind, and of the given source unless that is None.

    Raises BadInputError naming the file and the field, and ConfigError where the lock belongs to another source.
    """
    lock = _checked(path, _read_once(path), cls)
    if source is not None and lock.source != source:
        raise ConfigError(f"{path}: a lock of source {lock.source!r}, but the configuration says source: {source}")
    return lock


def read_any_lock(path: Path | str) -> ExpressionLock | ImageLock:
    """Read and check a lock of either kind; raises BadInputError naming the file and the field."""
    given = _read_once(path)
    is_images = isinstance(given, dict) and given.get("kind") == "images"
    return _checked(path, given, ImageLock) if is_images else _checked(path, given, ExpressionLock)


def _checked(path: Path | str, given: Any, cls: type[L]) -> L:
    if not isinstance(given, dict):
        raise BadInputError(f"{path}: found {type(given).__name__}, expected a lock (an object with items)")
    header = {field.name: field.default for field in dataclasses.fields(cls) if field.name in ("kind", "format")}
    for name, expected in header.items():
        if given.get(name) != expected:
            raise BadInputError(f"{path}: {name}: found {given.get(name)!r}, expected {expected!r}")
    try:
        lock = settings.parse(cls, given, where="lock")
        check_lock(lock)
    except MgiError as error:
        raise BadInputError(f"{path}: {error}") from None
    return lock


def _read_once(path: Path | str) -> Any:
    """Parse JSON that a person may have edited: a name written twice would silently lose one of its values."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if twice := _repeated(name for name, _ in pairs):
            raise BadInputError(f"{path}: {twice} is written twice in one block, expected once")
        return dict(pairs)

    try:
        text = Path(path).read_text(encoding="utf-8")
        if text.strip():
            given = json.loads(text, object_pairs_hook=unique)
            # What could be read but not written again: NaN, halves of characters.
            json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
            return given
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not JSON ({error})") from None
    raise BadInputError(f"{path}: empty, expected a lock")


def check_lock(lock: ExpressionLock | ImageLock) -> None:
    """Refuse a lock that a fetch could not follow safely.

    Raises BadInputError where nothing is chosen, a key repeats, a patient has two profiles or two FLAIR series, a key
    or digest cannot be a file name, or a choice contradicts its reason or barcode.
    """
    if twice := _repeated(item.key for item in lock.items):
        raise BadInputError(f"items: key {twice} occurs twice, expected unique keys")
    chosen = [item for item in lock.items if item.chosen]
    if not chosen:
        reasons = sorted({item.reason for item in lock.items})[:5]
        raise BadInputError(f"items: none of {len(lock.items)} is chosen ({'; '.join(reasons) or 'the list is empty'})")
    rivals = [item.patient_id for item in chosen if not (isinstance(item, ImageItem) and item.role == "mask")]
    if twice := _repeated(rivals):
        raise BadInputError(f"items: {twice} has two chosen items, expected one per patient")
    for item in chosen:
        _check_names(lock.source, item)
        if isinstance(item, ExpressionItem):
            _check_profile(item)
        elif item.role == "other" or item.n_images < 1:
            found = f"role {item.role!r}, n_images {item.n_images}"
            raise BadInputError(f"items: {item.key}: {found}, expected of a chosen series flair or mask and 1 or more")


def _repeated(names: Iterable[str]) -> str | None:
    """The first of the names that occur more than once, in sorted order."""
    return min((name for name, count in Counter(names).items() if count > 1), default=None)


def _check_names(source: str, item: ExpressionItem | ImageItem) -> None:
    if source in _IN_FOLDERS and isinstance(item, ImageItem):
        _check_in_folder(source, item)
    if source == "tcia" and not is_dicom_uid(item.key):
        raise BadInputError(f"items: key {item.key!r}, expected a DICOM UID (digits and points)")
    if source == "gdc" and isinstance(item, ExpressionItem):
        if not _FILE_ID.match(item.key):
            raise BadInputError(f"items: key {item.key!r}, expected a file id (letters, digits, hyphens)")
        if not _MD5.match(item.md5 or ""):
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


def _check_profile(item: ExpressionItem) -> None:
    """A chosen profile must be of its patient, and of a primary tumour unless a person said why not."""
    barcodes = [barcode for barcode in (item.aliquot, item.sample) if barcode is not None]
    for barcode in barcodes:
        if not barcode.upper().replace("_", "-").startswith(item.patient_id):
            raise BadInputError(f"items: {item.key}: {barcode}, expected a barcode of {item.patient_id}")
    if item.reason.startswith(BY_HAND) and item.reason.removeprefix(BY_HAND).strip():
        return
    codes = {sample_code_of(barcode) for barcode in barcodes} - {None, PRIMARY_TUMOUR}
    if codes or item.reason.startswith(REASONS_AGAINST):
        raise BadInputError(
            f"items: {item.key}: {barcodes[0] if barcodes else item.patient_id} is chosen, reason {item.reason!r}; "
            f"expected a primary tumour that nothing speaks against, or a reason that begins with {BY_HAND!r}"
        )


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
