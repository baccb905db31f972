"""Labels from a user's table: Parquet, TSV or CSV, a row a patient or a sample."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mgi.cohort.labels.labels import Labels, PatientLabels, few
from mgi.cohort.labels.meaning import is_unknown, same_text, usable_survival
from mgi.cohort.labels.settings import LabelColumns, LabelSettings
from mgi.cohort.patient_column import column_at, patient_column
from mgi.core.errors import BadInputError
from mgi.core.file_kind import hint_where_absent
from mgi.core.files import sha256_of
from mgi.core.ids import patient_id_of
from mgi.core.text import printable
from mgi.tables.table_file import read_table_file
from mgi.tables.table_parts import Use

LONGEST_CLASS = 100  # characters; a longer text is a comment


def read_label_table(path: Path, chosen: LabelSettings) -> Labels:
    """The labels of every patient of the table.

    Several rows of one patient are joined: a known value wins over an unknown one. Raises BadInputError naming file and
    column for a file that is no table, a column that is not there, a row without a patient, two values of one patient,
    a time or an age that is no number, an event that is neither, and a class that is no short text.
    """
    cells = _Cells(path=path, unknown=chosen.unknown)
    key, columns = _read_columns(path, chosen.columns)
    patients = [_patient(path, key, text) for text in columns.pop(key)]
    joined: dict[str, dict[str, str | None]] = {patient: {} for patient in patients}
    for column, texts in columns.items():
        for patient, text in zip(patients, texts, strict=True):
            joined[patient][column] = cells.joined(column, patient, joined[patient].get(column), text)
    has_survival = chosen.columns.time is not None
    return Labels(
        patients={patient: _labels_of(patient, known, chosen, cells) for patient, known in joined.items()},
        place=str(path),
        source=path.name,
        column_of=dict(chosen.columns.classes),
        endpoint=chosen.endpoint if has_survival else None,
        survival_source=(chosen.survival_source or path.name) if has_survival else None,
        metadata={"table": path.name, "table_sha256": sha256_of(path)},
    )


def _read_columns(path: Path, wanted: LabelColumns) -> tuple[str, dict[str, list[str]]]:
    """The name of the patients' column, and the texts of all columns that are read, without blanks around them."""
    where, place = f"{path}: columns", dict[str, int]()
    key = [""]

    def uses(names: Sequence[str], _textual: Sequence[bool]) -> list[Use]:
        patients = patient_column(names, where, wanted.patient_id)
        key[0] = names[patients].strip()
        place.update({name: column_at(names, name, where) for name in wanted.labels})
        if key[0] in place:
            raise BadInputError(
                f"{where}: found {key[0]!r} taken for the patients' column, and read as a label too, expected the name "
                "of another in labels.columns.patient_id"
            )
        place[key[0]] = patients
        return ["text" if at in place.values() else "nothing" for at in range(len(names))]

    try:
        table = read_table_file(path, uses)
    except OSError as error:
        raise BadInputError(f"labels.table: {path}{hint_where_absent(path)}: not readable ({error.strerror})") from None
    return key[0], {name: table.texts(at) for name, at in place.items()}


def _patient(path: Path, column: str, text: str) -> str:
    try:
        return patient_id_of(text)
    except BadInputError as error:
        raise BadInputError(f"{path}: column {column}: {error}") from None


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """What cells of the table mean; `unknown` are texts that say nothing beside the usual ones."""

    path: Path
    unknown: tuple[str, ...]

    def joined(self, column: str, patient: str, earlier: str | None, text: str) -> str | None:
        """The value of a patient who may have had one in an earlier row; None where it is unknown."""
        if is_unknown(text, self.unknown):
            return earlier
        if earlier is not None and not _are_same(earlier, text):
            found = f"found {printable(earlier)!r} and {printable(text)!r}"
            raise BadInputError(f"{self.path}: column {column}: {patient}: {found}, expected one value a patient")
        return text if earlier is None else earlier

    def number(self, column: str, patient: str, text: str | None) -> float | None:
        """A number that is not infinite."""
        if text is None:
            return None
        value = _number_of(text)
        if value is None or not math.isfinite(value):
            comma = value is None and _number_of(text.replace(",", ".", 1)) is not None
            expected = "a number with a point, not a decimal comma" if comma else "a number"
            found = f"found {printable(text)!r}"
            raise BadInputError(f"{self.path}: column {column}: {patient}: {found}, expected {expected}")
        return value

    def event(self, column: str, patient: str, text: str | None, chosen: LabelSettings) -> bool | None:
        """Whether the event happened."""
        if text is None:
            return None
        for texts, happened in ((chosen.happened, True), (chosen.censored, False)):
            if same_text(text) in map(same_text, texts):
                return happened
        expected = f"one of labels.happened ({few(chosen.happened)}) or labels.censored ({few(chosen.censored)})"
        found = f"found {printable(text)!r}"
        raise BadInputError(f"{self.path}: column {column}: {patient}: {found}, expected {expected}")

    def label(self, column: str, patient: str, text: str | None) -> str | None:
        """A class as it is written."""
        if text is not None and (len(text) > LONGEST_CLASS or not text.isprintable()):
            found = f"found {printable(text, LONGEST_CLASS)!r}"
            expected = f"at most {LONGEST_CLASS} printable characters"
            raise BadInputError(f"{self.path}: column {column}: {patient}: {found}, expected {expected}")
        return text


def _labels_of(patient: str, known: Mapping[str, str | None], chosen: LabelSettings, cells: _Cells) -> PatientLabels:
    columns = chosen.columns
    age = cells.number(columns.age, patient, known[columns.age]) if columns.age else None
    if age is not None and age < 0:
        raise BadInputError(f"{cells.path}: column {columns.age}: {patient}: found {age:g}, expected 0 years or more")
    sex = cells.label(columns.sex, patient, known[columns.sex]) if columns.sex else None
    time, event, reason = _survival_of(patient, known, chosen, cells)
    return PatientLabels(
        classes={name: cells.label(column, patient, known[column]) for name, column in columns.classes.items()},
        time_days=time,
        event=event,
        survival_reason=reason,
        age_years=age,
        sex=None if sex is None else sex.casefold(),
    )


def _survival_of(
    patient: str, known: Mapping[str, str | None], chosen: LabelSettings, cells: _Cells
) -> tuple[float | None, bool | None, str | None]:
    """Time in days and event, or why there is neither."""
    columns = chosen.columns
    if columns.time is None or columns.event is None:
        return None, None, None
    time = cells.number(columns.time, patient, known[columns.time])
    event = cells.event(columns.event, patient, known[columns.event], chosen)
    return usable_survival(time, event, "days" if columns.time_months is None else "months")


def _number_of(text: str) -> float | None:
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def _are_same(one: str, other: str) -> bool:
    number = _number_of(one)
    return same_text(one) == same_text(other) or (number is not None and number == _number_of(other))
