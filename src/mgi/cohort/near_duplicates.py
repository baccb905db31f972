"""Images and vectors that are nearly the same: a copy under another id that no digest of its bytes can tell.

A slice is described by what flips, turns by 90 degrees, another type, size or intensity, padding and a few changed
voxels leave as it is. Two patients are near-duplicates where most slices of the one have such a twin in the other.
`benchmarks/near_duplicates.py` measures the margin on a shard; figures stand in docs/explanation/reliability.md.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mgi.core.scratch_table import ScratchTable, block_length

Signatures = NDArray[np.float32]
"""A row of unit length a slice (or vector) with content, so that a product is a correlation."""

_SMALL = 64  # pixels of a side before anything is measured: one voxel weighs little there
_SIDE = 16  # of the description
_SPREADS = 2.2  # standard deviations of the image on either side of its centre that the description shows
_LOW, _HIGH = 1.0, 99.0  # percentiles between which grey levels count
_LEAST_SPREAD = 1e-3
SAME_SLICE = 0.999
"""Correlation from which two slices are twins."""
MATCHED_SHARE = 0.5
"""Share of the slices of the patient with fewer, from which two patients are near-duplicates."""
FEWEST = 3
"""Twins below which nothing is said: slices at the ends of two heads can be alike by chance."""
FEWEST_VALUES = 100
"""Values below which two vectors can have one order by chance; shorter ones are compared by their digest alone."""
_DIRECTIONS = 16
"""Along which twins are looked for: on 88 real heads they leave 1.4 of 10,000 pairs of slices."""
_SAMPLED = 1024  # rows that the directions are found by
_ROUNDING = 1e-3  # of a distance, by far more than that of float32
WHAT_TO_DO = (
    "is one a copy of the other? Leave it out by cohort.exclude, or go on with cohort.near_duplicates: warn where they "
    "are two people"
)


def slice_signatures(slices: NDArray[np.generic]) -> Signatures:
    """Describe the slices (S, H, W) of an image, those without content left out."""
    small = _shrunk(slices)
    flat = small.reshape(len(small), -1)
    low, high = np.percentile(flat, (_LOW, _HIGH), axis=1).astype(np.float32)
    shown = high - low > _LEAST_SPREAD * np.maximum(np.abs(high), 1e-30)
    small, low, high = small[shown], low[shown, None, None], high[shown, None, None]
    if not len(small):
        return np.empty((0, _SIDE * _SIDE), np.float32)
    grey = np.clip((small - low) / (high - low), 0, 1)
    framed = _window(grey.sum(axis=2)) @ grey @ _window(grey.sum(axis=1)).transpose(0, 2, 1)
    return unit_rows(_unturned(framed).reshape(len(framed), -1))


def unit_rows(values: NDArray[np.floating]) -> Signatures:
    """Return rows (n, G) without their mean and of length 1; a constant row becomes zero."""
    centred = values.astype(np.float32) - values.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: Signatures = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    return unit


def _shrunk(slices: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return slices (S, H, W) as averages (S, _SMALL, _SMALL), by two large products."""
    n_slices, rows, columns = slices.shape
    narrow = slices.astype(np.float32).reshape(-1, columns) @ _averages(columns).T
    turned = narrow.reshape(n_slices, rows, _SMALL).transpose(0, 2, 1).reshape(-1, rows) @ _averages(rows).T
    return np.asarray(turned.reshape(n_slices, _SMALL, _SMALL).transpose(0, 2, 1), np.float32)


def _averages(size: int) -> NDArray[np.float32]:
    """Return weights (_SMALL, size) that average a line of pixels over _SMALL equal parts."""
    weights: NDArray[np.float32] = _overlaps(np.linspace(0, size, _SMALL + 1)[None], size)[0]
    return weights


def _overlaps(edges: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Return how much of each bin (n, b) between `edges` (n, b + 1) lies in each of `size` pixels, as shares."""
    starts, ends, pixels = edges[:, :-1, None], edges[:, 1:, None], np.arange(size)
    overlap = np.minimum(ends, pixels + 1) - np.maximum(starts, pixels)
    return np.asarray(np.maximum(overlap, 0) / (ends - starts), dtype=np.float32)


def _window(profile: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights (S, _SIDE, _SMALL) that average over equal parts around the centre of each profile (S, _SMALL)."""
    places = np.arange(_SMALL) + 0.5
    share = profile / profile.sum(axis=1, keepdims=True)
    centre = share @ places
    spread = np.sqrt((share * (places - centre[:, None]) ** 2).sum(axis=1))
    reach = np.linspace(-_SPREADS, _SPREADS, _SIDE + 1)
    return _overlaps(centre[:, None] + np.maximum(spread, 1.0)[:, None] * reach, _SMALL)


def _unturned(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the eight flips and turns of square images (S, n, n) have in common, as many numbers.

    A flip changes the sign of the odd part of an image, a transposition swaps rows and columns; absolute values, sums
    and absolute differences know neither.
    """
    half = image.shape[1] // 2
    upper, lower = image[:, :half], image[:, : half - 1 : -1]
    parts = []
    for rows in (upper + lower, upper - lower):
        left, right = rows[:, :, :half], rows[:, :, : half - 1 : -1]
        parts += [left + right, left - right]
    even, odd_columns, odd_rows, odd = (np.abs(part) for part in parts)
    turned = [(part, part.transpose(0, 2, 1)) for part in (even, odd)] + [(odd_columns, odd_rows.transpose(0, 2, 1))]
    both = [(one + other, np.abs(one - other)) for one, other in turned]
    kept = [part.reshape(len(image), -1) for pair in both for part in pair]
    return np.concatenate(kept, axis=1)


def vector_signature(values: NDArray[np.generic]) -> Signatures:
    """Describe a vector (G,) by the order of its values, which no scale changes and one value hardly."""
    if len(values) < FEWEST_VALUES:
        return np.empty((0, len(values)), np.float32)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(counts) == 1:
        return np.empty((0, len(values)), np.float32)
    middle = np.cumsum(counts) - (counts - 1) / 2  # equal values share a rank
    return unit_rows(middle[inverse][None])


def same_vector(n_values: int) -> float:
    """Rank correlation from which vectors are near-duplicates: a value that goes from least to most costs 6 / n."""
    return min(0.9995, max(0.99, 1 - 8 / n_values))


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
        """Take in a patient's rows (n, F); F is the same for all."""
        if self._table is None:
            self._table = ScratchTable(self._scratch, (0, rows.shape[1]))
        self._table.write(self._end, rows)
        self._rows[patient] = self._end, self._end + len(rows)
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

    def spans(self) -> dict[str, tuple[int, int]]:
        """The first row of each patient in the file, and the one after the last."""
        return dict(self._rows)

    def rows(self, numbers: NDArray[np.int64]) -> Signatures:
        """Rows (k, F) by their number in the file."""
        assert self._table is not None
        found: Signatures = self._table.rows(numbers)
        return found


class _Rows:
    """Rows (n, F) of all patients who have any, one patient's after the other's, read when they are asked for."""

    def __init__(self, signatures: Mapping[str, Signatures]) -> None:
        self._source: Callable[[NDArray[np.int64]], Signatures]
        if isinstance(signatures, StoredSignatures):
            spans, self._source = signatures.spans(), signatures.rows
        else:
            ends = np.cumsum([0, *map(len, signatures.values())]).tolist()
            spans = dict(zip(signatures, pairwise(ends), strict=True))
            held = [np.empty((0, 0), np.float32)] if not signatures else list(signatures.values())
            self._source = np.concatenate(held).__getitem__
        spans = {patient: span for patient, span in spans.items() if span[1] > span[0]}
        self.patients = list(spans)
        self.lengths = np.array([stop - first for first, stop in spans.values()], np.int64)
        self.starts = np.cumsum([0, *self.lengths[:-1]])
        self._numbers = np.concatenate([np.empty(0, np.int64), *(np.arange(*span) for span in spans.values())])

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, rows: NDArray[np.int64] | slice) -> Signatures:
        return self._source(self._numbers[rows])

    def blocks(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Signatures]]:
        """Some rows and their numbers, few at a time."""
        length = block_length(self[:1].shape[1])
        for first in range(0, len(rows), length):
            some = rows[first : first + length]
            yield some, self[some]

    def directions(self) -> NDArray[np.float32]:
        """Orthonormal directions (F, k) in which a sample of the rows differs most."""
        count = min(len(self), _SAMPLED, block_length(self[:1].shape[1]))
        sample = self[np.linspace(0, len(self) - 1, count).astype(np.int64)]
        found: NDArray[np.float32] = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)[2][:_DIRECTIONS].T
        return found

    def along(self, directions: NDArray[np.float32]) -> NDArray[np.float64]:
        """All rows (n, k) as the directions see them."""
        return np.concatenate([some @ directions for _, some in self.blocks(np.arange(len(self)))]).astype(np.float64)


def near_pairs(known: Mapping[str, Signatures], others: Mapping[str, Signatures], *, least: float) -> list[NearPair]:
    """Return the pairs of a patient of `known` and another one of `others` that are near-duplicates, sorted.

    Rows are twins from the correlation `least` on. Both may be one mapping: then every pair is compared once. Rows of
    unit length that correlate lie near each other, along any directions too: only those that do are multiplied.
    """
    own = _Rows(known)
    of_others = own if known is others else _Rows(others)
    if not len(own) or not len(of_others):
        return []
    fewest, reach = min(FEWEST, int(own.lengths.max())), (2 - 2 * least) ** 0.5 + _ROUNDING
    directions = own.directions()
    tree = cKDTree(of_others.along(directions), copy_data=False)
    found = []
    for patient, start, length in zip(own.patients, own.starts.tolist(), own.lengths.tolist(), strict=True):
        rows = own[slice(start, start + length)]
        near = tree.query_ball_point((rows @ directions).astype(np.float64), reach)
        places = np.unique(np.concatenate([np.asarray(one, np.int64) for one in near]))
        if known is others:
            places = places[places >= start + length]  # whoever comes before was compared with this patient
        for other, twins in _twins(rows, of_others, places, least):
            name, fewer = of_others.patients[other], min(length, int(of_others.lengths[other]))
            if name != patient and twins >= max(fewest, MATCHED_SHARE * fewer):
                pair = sorted((patient, name)) if known is others else (patient, name)
                found.append(NearPair(pair[0], pair[1], twins, fewer))
    return sorted(found)


def _twins(rows: Signatures, others: _Rows, places: NDArray[np.int64], least: float) -> Iterator[tuple[int, int]]:
    """Whoever has a twin of a patient's `rows` at `places`, and how many rows of the one with fewer have a twin.

    Of two with as many rows, the one with more twins counts.
    """
    alike = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for some, columns in others.blocks(places):
        own, other = np.nonzero(rows @ columns.T >= least)
        alike.append((own, some[other]))
    own, other = (np.concatenate(one) for one in zip(*alike, strict=True))
    owner = np.searchsorted(others.starts, other, side="right") - 1
    for patient in np.unique(owner).tolist():
        here = owner == patient
        n_own, n_other = (len(np.unique(side[here])) for side in (own, other))
        difference = len(rows) - int(others.lengths[patient])
        yield patient, max(n_own, n_other) if difference == 0 else n_own if difference < 0 else n_other


def only(signatures: Mapping[str, Signatures], patients: Collection[str]) -> Mapping[str, Signatures]:
    """Those of some patients."""
    if isinstance(signatures, StoredSignatures):
        return signatures.only(patients)
    return {patient: rows for patient, rows in signatures.items() if patient in patients}
