"""Patients under other names than TCGA barcodes: the user's table that says which barcode each has."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.core.ids import patient_id_of

COLUMNS = ["id", "patient_id"]


@dataclass(frozen=True, kw_only=True)
class PatientNames:
    """Barcodes by the id found in the images; without a table every id must be a barcode itself."""

    table: Mapping[str, str] = field(default_factory=dict)
    given: bool = False

    def patient_of(self, found: str) -> str | None:
        """The patient of an id; None where a table is given and neither it nor the id itself knows.

        Raises BadInputError where no table is given and the id is no barcode.
        """
        if found in self.table:
            return self.table[found]
        try:
            return patient_id_of(found)
        except BadInputError as error:
            if self.given:
                return None
            raise BadInputError(f"{error}, or a table of ids in modalities.flair.patients") from None


def read_patient_names(path: Path | None) -> PatientNames:
    """Read a TSV with the columns `id` and `patient_id`; None gives an empty table.

    Raises BadInputError naming file and line where a column lacks, an id has two barcodes or a barcode is none.
    """
    if path is None:
        return PatientNames()
    table: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            rows = csv.reader(source, delimiter="\t")
            header = [name.strip() for name in next(rows, [])]
            if header != COLUMNS:
                raise BadInputError(f"{path}: columns {header}, expected {COLUMNS}")
            for number, cells in enumerate(rows, start=2):
                if cells:
                    _add(table, cells, f"{path}: line {number}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"modalities.flair.patients: {path}: not readable as TSV ({error})") from None
    return PatientNames(table=table, given=True)


def _add(table: dict[str, str], cells: list[str], where: str) -> None:
    if len(cells) != len(COLUMNS):
        raise BadInputError(f"{where}: {len(cells)} columns, expected {len(COLUMNS)}")
    found, barcode = (cell.strip() for cell in cells)
    try:
        patient = patient_id_of(barcode)
    except BadInputError as error:
        raise BadInputError(f"{where}: {error}") from None
    if table.setdefault(found, patient) != patient:
        raise BadInputError(f"{where}: id {found!r} has two patients, {table[found]} and {patient}")
