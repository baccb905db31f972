"""A user's table of two columns, tab-separated, in which the first says whose the second is."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from mgi.core.errors import BadInputError


def read_two_columns(
    path: Path, columns: Sequence[str], key: str, check: Callable[[str, str], tuple[str, str]]
) -> dict[str, str]:
    """The second column by the first, each line after `check`; `key` of the config names the table.

    Raises BadInputError naming file and line where a column lacks, a line is refused, or one entry has two values.
    """
    table: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            rows = csv.reader(source, delimiter="\t")
            header = [name.strip() for name in next(rows, [])]
            if header != list(columns):
                raise BadInputError(f"{path}: columns {header}, expected {list(columns)}")
            for number, cells in enumerate(rows, start=2):
                if cells:
                    _add(table, cells, columns, f"{path}: line {number}", check)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{key}: {path}: not readable as TSV ({error})") from None
    return table


def _add(
    table: dict[str, str],
    cells: list[str],
    columns: Sequence[str],
    where: str,
    check: Callable[[str, str], tuple[str, str]],
) -> None:
    if len(cells) != len(columns):
        raise BadInputError(f"{where}: {len(cells)} columns, expected {len(columns)}")
    try:
        first, second = check(*(cell.strip() for cell in cells))
    except BadInputError as error:
        raise BadInputError(f"{where}: {error}") from None
    if table.setdefault(first, second) != second:
        raise BadInputError(f"{where}: {columns[0]} {first!r} has two values, {table[first]} and {second}")
