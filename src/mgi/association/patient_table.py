"""A user's table with a row a patient: phenotypes, covariates or features, from CSV, TSV or Parquet."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.labels.meaning import is_unknown
from mgi.cohort.patient_column import PATIENT_COLUMNS, column_at, patient_column
from mgi.core.errors import BadInputError
from mgi.core.file_kind import misplaced
from mgi.core.ids import patient_id_of
from mgi.shards.parquet import check_seal_of_own
from mgi.tables.table_file import read_table_file
from mgi.tables.table_parts import TableFile, Use, Uses


@dataclass(frozen=True, kw_only=True)
class PatientTable:
    """Cells by column, as text without blanks around it, in the order of `patients`; empty where nothing is known.

    `paths` are the files that the columns are of.
    """

    paths: dict[str, Path]
    patients: tuple[str, ...]
    cells: dict[str, list[str]]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """A column of numbers (n,), NaN where missing. Raises BadInputError for a cell that is no finite number."""
        values = np.full(len(self.patients), np.nan)
        for row, cell in enumerate(self.cells[column]):
            if cell:
                try:
                    values[row] = float(cell)
                except ValueError:
                    values[row] = np.inf
                if not np.isfinite(values[row]):
                    raise BadInputError(
                        f"{self.paths[column]}: column {column}, patient {self.patients[row]}: found {cell[:80]!r}, "
                        "expected a number with a point, or an empty cell"
                    )
        return values

    def is_numeric(self, column: str) -> bool:
        """Whether all cells of a column that are not empty are numbers, and some are."""
        known = [cell for cell in self.cells[column] if cell]
        return bool(known) and all(map(_is_number, known))


class About(NamedTuple):
    """What is known of a feature beside its unique name: one for people, and where it lies on the genome (1-based)."""

    label: str | None = None
    chromosome: str | None = None
    start: int | None = None


@dataclass(frozen=True, kw_only=True)
class FeatureTable:
    """Values (n, F) float32, NaN where missing, with unique names of the features and what is known of each."""

    patients: tuple[str, ...]
    names: tuple[str, ...]
    about: tuple[About, ...]
    values: NDArray[np.float32]


def read_patient_table(path: Path, columns: Sequence[str] | None, option: str) -> PatientTable:
    """Read some columns, or all but the patient's; `option` is that of the command which chose them.

    Raises BadInputError for a column that is not there, one that occurs twice, a patient who does, or no column at all.
    """
    return _read_columns(path, lambda names, key: _chosen(names, key, columns, f"{path}: {option}"))


def read_patient_tables(paths: Sequence[Path], columns: Sequence[str] | None, option: str) -> PatientTable:
    """Read some columns, or all, of one table or several; a patient's cells are empty where a table lacks the patient.

    Columns come in the order that names them. Raises BadInputError as `read_patient_table` does, and for a column that
    several tables have.
    """
    if len(paths) == 1:
        return read_patient_table(paths[0], columns, option)
    tables = [_read_columns(path, partial(_wanted, columns, f"{path}: {option}")) for path in paths]
    for name in columns if columns is not None else [name for table in tables for name in table.cells]:
        having = [path for path, table in zip(paths, tables, strict=True) if name in table.cells]
        if len(having) != 1:
            found = f"column {name!r} in {' and '.join(map(str, having))}" if having else f"no column {name!r}"
            raise BadInputError(f"{option}: found {found}, expected it in one of {', '.join(map(str, paths))}")
    patients = tuple(sorted({patient for table in tables for patient in table.patients}))
    cells, files = dict[str, list[str]](), dict[str, Path]()
    for table in tables:
        at = {patient: row for row, patient in enumerate(table.patients)}
        files |= table.paths
        cells |= {
            name: [own[at[patient]] if patient in at else "" for patient in patients]
            for name, own in table.cells.items()
        }
    order = list(dict.fromkeys(columns)) if columns is not None else list(cells)
    return PatientTable(paths=files, patients=patients, cells={name: cells[name] for name in order})


def _read_columns(path: Path, choose: Callable[[Sequence[str], int], list[int]]) -> PatientTable:
    """Read the columns that `choose` picks by their names and the place of the patients' one."""
    chosen: list[int] = []
    key = [0]

    def uses(names: Sequence[str], _textual: Sequence[bool]) -> list[Use]:
        key[0] = patient_column(names, f"{path}: columns")
        chosen[:] = choose(names, key[0])
        return ["text" if at == key[0] or at in chosen else "nothing" for at in range(len(names))]

    table = _read(path, uses)
    cells = {table.names[at].strip(): ["" if is_unknown(text) else text for text in table.texts(at)] for at in chosen}
    return PatientTable(paths=dict.fromkeys(cells, path), patients=_patients(table.texts(key[0]), path), cells=cells)


def read_feature_table(path: Path) -> FeatureTable:
    """Read a table of numbers, all columns but the patient's; a cell that is no number is an error of the reader."""
    key = [0]

    def uses(names: Sequence[str], _textual: Sequence[bool]) -> list[Use]:
        key[0] = patient_column(names, f"{path}: columns")
        return ["text" if at == key[0] else "number" for at in range(len(names))]

    table = _read(path, uses)
    columns = [at for at in range(len(table.names)) if at != key[0]]
    names = [table.names[at].strip() for at in columns]
    _require_unique(names, f"{path}: features")
    patients = _patients(table.texts(key[0]), path)
    if table.infinite is not None:
        column, row, value = table.infinite
        raise BadInputError(
            f"{path}: column {table.names[column]}, patient {patients[row]}: found {value}, expected a finite number"
        )
    values = np.stack([table.numbers(at) for at in columns], axis=1)
    return FeatureTable(patients=patients, names=tuple(names), about=(About(),) * len(names), values=values)


def _read(path: Path, uses: Uses) -> TableFile:
    """A table; one of the results, such as labels or features of tumours, is compared with its digest first."""
    if (why := misplaced(path)) is not None:
        raise BadInputError(f"{why}, expected a table")
    check_seal_of_own(path)
    return read_table_file(path, uses)


def _wanted(columns: Sequence[str] | None, where: str, names: Sequence[str], key: int) -> list[int]:
    """As `_chosen`, of the columns that this table has."""
    plain = {name.strip() for at, name in enumerate(names) if at != key}
    here = None if columns is None else [name for name in columns if name in plain]
    return [] if here == [] else _chosen(names, key, here, where)


def _chosen(names: Sequence[str], key: int, columns: Sequence[str] | None, where: str) -> list[int]:
    if columns is None:
        others = [name.strip() for at, name in enumerate(names) if at != key]
        columns = [name for name in others if name.lower() not in PATIENT_COLUMNS]
    if not columns:
        raise BadInputError(f"{where}: no column but that of the patients, expected one at least")
    return [column_at(names, name, where) for name in dict.fromkeys(columns)]


def _patients(labels: Sequence[str], path: Path) -> tuple[str, ...]:
    owners: dict[str, str] = {}
    for label in labels:
        try:
            patient = patient_id_of(label)
        except BadInputError as error:
            raise BadInputError(f"{path}: {error}") from None
        if patient in owners:
            raise BadInputError(
                f"{path}: patient {patient} has two rows ({owners[patient]} and {label}), expected one a patient"
            )
        owners[patient] = label
    return tuple(owners)


def _require_unique(names: Sequence[str], where: str) -> None:
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise BadInputError(f"{where}: column {name!r} occurs {count} times, expected once")


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False
