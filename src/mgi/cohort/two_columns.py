"""A user's table of two columns, tab-separated, in which the first says whose the second is."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.core.file_kind import hint_where_absent


def read_two_columns(
    path: Path, columns: Sequence[str], key: str, check: Callable[[str, str], tuple[str, str]]
) -> dict[str, str]:
    """The second column by the first, each line after `check`; `key` of the config names the table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            header, *lines = list(csv.reader(source, delimiter="\t")) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{key}: {path}{hint_where_absent(path)}: not readable as TSV ({error})") from None
    if (found := [name.strip() for name in header]) != list(columns):
        raise BadInputError(f"{path}: columns {found}, expected {list(columns)}")
    table: dict[str, str] = {}
    for number, cells in enumerate(lines, start=2):
        where = f"{path}: line {number}"
        if len(cells) not in (0, len(columns)):
            raise BadInputError(f"{where}: {len(cells)} columns, expected {len(columns)}")
        if cells:
            try:
                first, second = check(*(cell.strip() for cell in cells))
            except BadInputError as error:
                raise BadInputError(f"{where}: {error}") from None
            if table.setdefault(first, second) != second:
                raise BadInputError(f"{where}: {columns[0]} {first!r} has two values, {table[first]} and {second}")
    return table
