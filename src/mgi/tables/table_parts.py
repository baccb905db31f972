"""What is kept of a user's table, and how much of it may be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

MAX_VALUES = 150_000_000  # 600 MB here and as much again while they are put into order; 2,400 patients x 60,660 genes
Use = Literal["number", "text", "nothing"]
Uses = Callable[[Sequence[str], Sequence[bool]], Sequence[Use]]
"""What to read each column as, given the names of all and which of them hold text (by type, or in their first row)."""


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """Columns by their index in the file, `names` as written (they may repeat).

    `labels` are of the columns of text, without blanks around them and empty where a value is missing. Row `row_of[i]`
    of `values` is the column i of numbers, as float32, NaN where a value is missing. `infinite` is column, row and
    value of the first that is infinite, or that float32 cannot hold.
    """

    names: list[str]
    labels: Mapping[int, list[str]]
    row_of: Mapping[int, int]
    values: NDArray[np.float32]
    infinite: tuple[int, int, float] | None = None

    def numbers(self, index: int) -> NDArray[np.float32]:
        """Return a column of numbers."""
        column: NDArray[np.float32] = self.values[self.row_of[index]]
        return column

    def texts(self, index: int) -> list[str]:
        """Return a column of text."""
        return self.labels[index]


def narrowed(
    wide: NDArray[np.float64], columns: Sequence[int], first_row: int
) -> tuple[NDArray[np.float32], tuple[int, int, float] | None]:
    """Return columns (n, rows) as float32, and the first of their values that is then infinite."""
    narrow: NDArray[np.float32] = np.empty(wide.shape, np.float32)
    with np.errstate(over="ignore"):
        narrow[...] = wide
    infinite = np.argwhere(np.isinf(narrow))
    if not len(infinite):
        return narrow, None
    column, row = infinite[0].tolist()
    return narrow, (columns[column], first_row + row, float(wide[column, row]))


def require_room(n_columns: int, n_rows: int, path: Path) -> None:
    """Refuse a table that no rule has memory for, by what it says of itself."""
    if n_columns * n_rows > MAX_VALUES:
        raise BadInputError(
            f"{path}: {n_rows} rows x {n_columns} columns, expected at most {MAX_VALUES:,} values; "
            "keep the cohort's patients, or the genes that you need"
        )
