"""The user's list of slides: whose a file is, and its resolution where the file states none or a wrong one."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.core.ids import patient_id_of
from mgi.modalities.slides.reader import LEAST_MPP, MOST_MPP

KEY = "modalities.slides.slide_list"
_FILE, _PATIENT, _MPP = "file", "patient_id", "mpp"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What a row says; None where it says nothing."""

    patient_id: str | None
    mpp: float | None


def read_slide_list(path: Path) -> Mapping[str, Listed]:
    """Rows by the file's path below the folder, or by its name alone.

    Raises BadInputError naming the line where a column is missing, a file occurs twice, or a value is none.
    """
    if not path.is_file():
        raise BadInputError(f"{path}: missing, expected a TSV with {_FILE}, {_PATIENT} and {_MPP}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as table:
            return _rows(csv.DictReader(table, delimiter="\t"), path)
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not a TSV ({error})") from None


def _rows(rows: "csv.DictReader[str]", path: Path) -> Mapping[str, Listed]:
    names = rows.fieldnames or []
    if _FILE not in names or not {_PATIENT, _MPP} & set(names):
        raise BadInputError(f"{path}: columns {', '.join(names)}; expected {_FILE} with {_PATIENT} or {_MPP}")
    found: dict[str, Listed] = {}
    for row in rows:
        where = f"{path}: line {rows.line_num}"
        file = (row[_FILE] or "").strip()
        if not file or file in found:
            raise BadInputError(f"{where}: {_FILE}: found {file!r}, expected each file once")
        found[file] = _listed(row, where)
    return found


def _listed(row: Mapping[str, str | None], where: str) -> Listed:
    patient, mpp = ((row.get(name) or "").strip() for name in (_PATIENT, _MPP))
    try:
        size = float(mpp) if mpp else None
    except ValueError:
        size = math.nan
    if size is not None and not LEAST_MPP <= size <= MOST_MPP:
        raise BadInputError(f"{where}: {_MPP}: found {mpp[:40]!r}, expected {LEAST_MPP:g} to {MOST_MPP:g} µm a pixel")
    try:
        return Listed(patient_id=patient_id_of(patient) if patient else None, mpp=size)
    except BadInputError as error:
        raise BadInputError(f"{where}: {_PATIENT}: {error}") from None
