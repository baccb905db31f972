"""Which patients have nearly the same data, by the signatures of it (see near_duplicates), of more than fit in memory.

Two patients are near-duplicates where most slices of the one have a twin in the other.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.near_duplicates import Signatures
from mgi.core.scratch_table import ScratchTable, block_length

MATCHED_SHARE = 0.5
"""Share of the slices of the patient with fewer, from which two patients are near-duplicates."""
FEWEST = 3
"""Twins below which nothing is said: slices at the ends of two heads can be alike by chance."""
_ROWS_AT_ONCE = 512
_DIRECTIONS = 16
"""Of the screen; on 88 real heads it leaves one pair of slices in 7,000."""
_SAMPLED = 1024  # rows that the directions are found by
_ROUNDING = 1e-4  # of a correlation, by far more than that of float32


class NearPair(NamedTuple):
    """Two patients with nearly the same data: `twins` of the `rows` of the one with fewer have a twin in the other."""

    first: str
    second: str
    twins: int
    rows: int

    def says(self, what: str) -> str:
        """The pair in words."""
        share = f" ({self.twins} of {self.rows} slices)" if self.rows > 1 else ""
        return f"{self.first} and {self.second} have nearly the same {what}{share}"


class StoredSignatures(Mapping[str, Signatures]):
    """Signatures of many patients in a file without a name; one patient's are read when they are asked for."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._rows = scratch, dict[str, tuple[int, int]]()
        self._table: ScratchTable | None = None
        self._end = 0

    def add(self, patient: str, rows: Signatures) -> None:
        """Take in a patient's rows (n, F); F is the same for all who have any."""
        self._rows[patient] = self._end, self._end + len(rows)
        if not len(rows):  # what is empty need not be as wide
            return
        if self._table is None:
            self._table = ScratchTable(self._scratch, (0, rows.shape[1]))
        self._table.write(self._end, rows)
        self._end += len(rows)

    def __getitem__(self, patient: str) -> Signatures:
        first, stop = self._rows[patient]
        assert self._table is not None
        found: Signatures = self._table.rows(np.arange(first, stop))
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def only(self, patients: Collection[str]) -> "StoredSignatures":
        """Those of some patients, in the same file."""
        chosen = StoredSignatures(self._scratch)
        chosen._table, chosen._end = self._table, self._end
        chosen._rows = {patient: rows for patient, rows in self._rows.items() if patient in patients}
        return chosen

    def some(self, patients: Collection[str], places: NDArray[np.int64]) -> Signatures:
        """Rows of these patients by their place among all rows of theirs."""
        assert self._table is not None
        numbers = np.concatenate([np.arange(*self._rows[patient]) for patient in patients])
        found: Signatures = self._table.rows(numbers[places])
        return found

    def lengths(self) -> dict[str, int]:
        """The number of rows of each patient; nothing is read."""
        return {patient: stop - first for patient, (first, stop) in self._rows.items()}


def near_pairs(known: Mapping[str, Signatures], others: Mapping[str, Signatures], *, least: float) -> list[NearPair]:
    """Return the pairs of a patient of `known` and another one of `others` that are near-duplicates, sorted.

    Rows are twins from the correlation `least` on. Both may be one mapping: then every pair is compared once. Two
    groups of patients are in memory at a time, and of all others a screen: few numbers a row, which say of most pairs
    of rows that they are no twins.
    """
    of_known = _groups(known)
    of_others = of_known if known is others else _groups(others)
    if not of_known or not of_others:
        return []
    fewest = min(FEWEST, max(length for group in of_known for length in group.values()))
    directions = _directions(known, of_known)
    screens = [_screen(_rows(known, group), directions) for group in of_known]
    other_screens = screens if known is others else [_screen(_rows(others, group), directions) for group in of_others]
    found = set()
    for number, first in enumerate(of_known):
        rows = _rows(known, first)
        for place in range(number if known is others else 0, len(of_others)):
            second, screen = of_others[place], other_screens[place]
            columns = np.flatnonzero((screens[number] @ screen.T >= least - _ROUNDING).any(axis=0))
            if not len(columns):
                continue
            alike = np.zeros((len(rows), len(screen)), bool)
            alike[:, columns] = rows @ _rows(others, second, columns).T >= least
            for one, other, twins in _twins(alike, list(first.items()), list(second.items())):
                fewer = min(first[one], second[other])
                if one != other and twins >= max(fewest, MATCHED_SHARE * fewer):
                    pair = sorted((one, other)) if known is others else (one, other)
                    found.add(NearPair(pair[0], pair[1], twins, fewer))
    return sorted(found)


def _rows(
    signatures: Mapping[str, Signatures], patients: Collection[str], places: NDArray[np.int64] | None = None
) -> Signatures:
    """The rows of some patients one after the other, or those at some places of them."""
    if places is not None and isinstance(signatures, StoredSignatures):
        return signatures.some(patients, places)
    every = np.concatenate([signatures[patient] for patient in patients])
    return every if places is None else every[places]


def _directions(signatures: Mapping[str, Signatures], groups: list[dict[str, int]]) -> NDArray[np.float32]:
    """Orthonormal directions (F, k) that hold most of a sample of the rows."""
    lengths = {patient: length for group in groups for patient, length in group.items()}
    width = signatures[next(iter(lengths))].shape[1]
    every = max(1, sum(lengths.values()) // min(_SAMPLED, block_length(width)))
    sample = _rows(signatures, list(lengths)[::every])
    of_rows = np.linalg.eigh(sample @ sample.T)[1][:, -_DIRECTIONS:]  # rows are long: their products are fewer numbers
    found: NDArray[np.float32] = np.linalg.qr(sample.T @ of_rows)[0]
    return found


def _screen(rows: Signatures, directions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Numbers (n, k + 1) whose product is no less than that of the rows (n, F).

    They are what lies along the directions and the length of the rest: two rests have at most the product of their
    lengths (Cauchy-Schwarz).
    """
    along = rows @ directions
    rest = np.maximum(0, (rows * rows).sum(axis=1) - (along * along).sum(axis=1))
    return np.concatenate([along, np.sqrt(rest)[:, None]], axis=1)


def _twins(
    alike: NDArray[np.bool_], first: list[tuple[str, int]], second: list[tuple[str, int]]
) -> Iterator[tuple[str, str, int]]:
    """Every two patients with a twin, and how many rows of the one with fewer have one in the other.

    Of two with as many rows, the one with more such rows counts.
    """
    if not alike.any():
        return
    of_rows, of_columns = ([0, *np.cumsum([length for _, length in group]).tolist()] for group in (first, second))
    any_twin = np.add.reduceat(np.add.reduceat(alike, of_rows[:-1], axis=0, dtype=np.int64), of_columns[:-1], axis=1)
    for row, column in np.argwhere(any_twin).tolist():
        (one, length), (other, other_length) = first[row], second[column]
        own = alike[of_rows[row] : of_rows[row + 1], of_columns[column] : of_columns[column + 1]]
        sides = [axis for axis, its in ((1, length), (0, other_length)) if its == min(length, other_length)]
        yield one, other, max(int(own.any(axis=axis).sum()) for axis in sides)


def _groups(signatures: Mapping[str, Signatures]) -> list[dict[str, int]]:
    """Patients who have rows, with their number, in groups of about as many rows as are multiplied at once."""
    if isinstance(signatures, StoredSignatures):
        lengths = signatures.lengths()
    else:
        lengths = {patient: len(rows) for patient, rows in signatures.items()}
    lengths = {patient: length for patient, length in lengths.items() if length}
    if not lengths:
        return []
    at_once = min(_ROWS_AT_ONCE, block_length(signatures[next(iter(lengths))].shape[1]))
    groups: list[dict[str, int]] = [{}]
    rows = 0
    for patient, length in lengths.items():
        if groups[-1] and rows + length > at_once:
            groups.append({})
            rows = 0
        groups[-1][patient] = length
        rows += length
    return groups


def only(signatures: Mapping[str, Signatures], patients: Collection[str]) -> Mapping[str, Signatures]:
    """Those of some patients."""
    if isinstance(signatures, StoredSignatures):
        return signatures.only(patients)
    return {patient: rows for patient, rows in signatures.items() if patient in patients}
