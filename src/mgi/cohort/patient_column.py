"""Which column of a user's table of patients says whose a row is, and where its other columns are."""

from collections.abc import Sequence

from mgi.core.errors import BadInputError
from mgi.core.text import printable

PATIENT_COLUMNS = (
    "patient_id", "patient", "case_id", "case", "submitter_id", "bcr_patient_barcode", "sample_id", "sample"
)  # fmt: skip
"""Names, in lower case and in this order, of a column that says whose a row is."""
_MOST, _LONGEST = 60, 60  # names that an error lists, and characters of each


def patient_column(names: Sequence[str], where: str, named: str | None = None) -> int:
    """The place of the patients' column: the one that is `named`, else the first of `PATIENT_COLUMNS` that a name is,
    in upper or lower case, else the first column.

    Raises BadInputError, which begins with `where`, for a column that is not there or occurs twice.
    """
    if named is not None:
        return column_at(names, named, where)
    plain = [name.strip().lower() for name in names]
    found = next((one for one in PATIENT_COLUMNS if one in plain), None)
    return 0 if found is None else column_at(plain, found, where)


def column_at(names: Sequence[str], wanted: str, where: str) -> int:
    """The place of a column; blanks around a name are none of it. Raises BadInputError as `patient_column` does."""
    found = [name.strip() for name in names]
    if wanted not in found:
        raise BadInputError(f"{where}: found no {wanted!r}, expected it among {_listed(found)}")
    if found.count(wanted) > 1:
        raise BadInputError(f"{where}: found {wanted!r} {found.count(wanted)} times, expected it once")
    return found.index(wanted)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(printable(name, _LONGEST)) for name in names[:_MOST]) + (", …" if len(names) > _MOST else "")
