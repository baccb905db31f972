"""Patients who are called otherwise in the images than in the cohort: the user's table that says who is who."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mgi.cohort.two_columns import read_two_columns
from mgi.core.errors import BadInputError
from mgi.core.ids import barcode_of, patient_id_of

COLUMNS = ("id", "patient_id")
KEY = "modalities.flair.patients"


@dataclass(frozen=True, kw_only=True)
class PatientNames:
    """Patients by the id found in the images; without a table every id must be a patient's itself."""

    table: Mapping[str, str] = field(default_factory=dict)
    given: bool = False

    def patient_of(self, found: str) -> str | None:
        """The patient of an id; None where a table is given that does not know it and it is no barcode."""
        if found in self.table:
            return self.table[found]
        if self.given:
            barcode = barcode_of(found)
            return None if barcode is None else barcode.patient_id
        try:
            return patient_id_of(found)
        except BadInputError as error:
            raise BadInputError(f"{error}, or a table of ids in {KEY}") from None


def read_patient_names(path: Path | None) -> PatientNames:
    """Read a TSV with the columns `id` and `patient_id`; None gives an empty table."""
    if path is None:
        return PatientNames()
    table = read_two_columns(path, COLUMNS, KEY, lambda found, patient: (found, patient_id_of(patient)))
    return PatientNames(table=table, given=True)
