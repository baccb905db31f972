"""Tiles of patients' slides as padded batches: a random part of each bag in training, all of it elsewhere.

P patients, T tiles of them all, B patients of a batch, N tiles of its longest bag, E numbers of a tile.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.core.column_moments import ColumnMoments
from mgi.core.scratch_table import ScratchTable
from mgi.shards.bags import Bag, OpenBags

MOST_AT_TEST = 4096
"""Tiles of a slide that are read where nothing is trained; of more, so many evenly spaced in raster order."""
SLIDES_AT_ONCE = 4
"""Slides that are encoded whole together; each may have thousands of tiles."""
TILES_AT_ONCE = 4 * MOST_AT_TEST
GAP = 2.0  # tile pitches between a patient's slides, one below the other


class TileBatch(NamedTuple):
    """Tiles (B, N, E) in half precision as they are stored, their places (B, N, 2) in tile pitches, x first.

    Tiles that are `real` (B, N) stand first and in raster order; behind them is padding.
    """

    tiles: Tensor
    places: Tensor
    real: Tensor

    def moved(self, move: Callable[[Tensor], Tensor]) -> "TileBatch":
        """The batch with its tensors elsewhere."""
        return TileBatch(*map(move, self))

    def without(self, absent: Tensor) -> "TileBatch":
        """The batch in which slides that are `absent` (B,) have no tile: they are left out."""
        return self._replace(real=self.real & ~absent.unsqueeze(1))


class ScanAndSlide(NamedTuple):
    """Slices of scans (B, C, S, S), and the tiles of the slide that each of their U patients has beside the scan."""

    scan: Tensor
    slide: TileBatch

    def moved(self, move: Callable[[Tensor], Tensor]) -> "ScanAndSlide":
        """The batch with its tensors elsewhere."""
        return ScanAndSlide(move(self.scan), self.slide.moved(move))


@dataclass(frozen=True, kw_only=True)
class SlideBags:
    """The bags of patients, in their order: of one table (T, E) rows `first` (P,) and following, `counts` (P,) of them.

    The table lies on disk in half precision, and the places (T, 2) in memory. Who has no slide has no tile, and cannot
    be asked for, unless patients `may_lack` one: then none of the tiles is real. With an `order` (T,) each place has
    the tile of another row, which may be another patient's.
    """

    patient_ids: list[str]
    counts: Tensor
    first: Tensor
    places: Tensor
    table: ScratchTable
    order: Tensor | None = None
    may_lack: bool = False

    @classmethod
    def of(cls, bags: OpenBags, patients: Sequence[str], scratch: Path) -> Self:
        """Of these patients, who are in order of their ids or not; slides are read one at a time.

        Raises BadInputError as `OpenBags.bags` does.
        """
        own = bags.slides.select(["patient_id", "tiles"]).to_pylist()
        counts = dict.fromkeys(patients, 0)
        for row in own:
            if row["patient_id"] in counts:
                counts[row["patient_id"]] += row["tiles"]
        total = sum(counts.values())
        numbers = torch.tensor([counts[patient] for patient in patients], dtype=torch.int64)
        first = dict(zip(patients, (numbers.cumsum(0) - numbers).tolist(), strict=True))
        table, places = ScratchTable(scratch, (total, bags.width), np.float16), np.zeros((total, 2), np.float32)
        filled = dict.fromkeys(patients, 0)
        below = dict.fromkeys(patients, 0.0)
        for bag in bags.bags(patients):
            patient, n_tiles = bag.patient_id, len(bag.corners)
            start = first[patient] + filled[patient]
            table.write(start, bag.embeddings)
            at = places_in_pitches(bag)
            at[:, 1] += below[patient]
            places[start : start + n_tiles] = at
            filled[patient] += n_tiles
            below[patient] = float(at[:, 1].max()) + GAP
        return cls(
            patient_ids=list(patients),
            counts=numbers,
            first=numbers.cumsum(0) - numbers,
            places=torch.from_numpy(places),
            table=table,
        )

    @classmethod
    def of_one(cls, bag: Bag, scratch: Path) -> Self:
        """Of one patient with one slide."""
        table = ScratchTable(scratch, bag.embeddings.shape, np.float16)
        table.write(0, bag.embeddings)
        places = torch.from_numpy(places_in_pitches(bag).astype(np.float32))
        counts = torch.tensor([len(bag.corners)])
        return cls(patient_ids=[bag.patient_id], counts=counts, first=counts * 0, places=places, table=table)

    def __len__(self) -> int:
        """The number of patients, those without a slide among them."""
        return len(self.patient_ids)

    @property
    def has_slide(self) -> Tensor:
        """Who has a slide (P,)."""
        return self.counts > 0

    @property
    def width(self) -> int:
        """E."""
        return self.table.shape[1]

    def drawn(self, patients: Tensor, most: int, randomness: np.random.Generator, parts: int = 1) -> TileBatch:
        """Random tiles of each of these patients (B,), at most so many, in raster order.

        With several `parts` (B * parts, ...) are given, patient after patient; those of one patient have no tile in
        common, unless there are fewer tiles than parts.
        """
        chosen = [part for count in self._counts_of(patients) for part in _parts(count, most, parts, randomness)]
        return self._batch(chosen, patients.repeat_interleave(parts))

    def whole(self, patients: Tensor, most: int = MOST_AT_TEST) -> TileBatch:
        """All tiles of these patients (B,), or `most` of them, evenly spaced in raster order."""
        return self._batch([evenly_spaced(count, most) for count in self._counts_of(patients)], patients)

    def whole_slides(self) -> Iterator[TileBatch]:
        """The slides of all patients, some at a time."""
        for some in torch.arange(len(self)).split(SLIDES_AT_ONCE):
            yield self.whole(some)

    def at_once(self) -> int:
        """How many whole slides are read together: as many as TILES_AT_ONCE allows of the largest."""
        largest = int(self.counts.max()) if len(self.counts) else 0
        return max(1, TILES_AT_ONCE // max(1, min(largest, MOST_AT_TEST)))

    def handed_on(self, donors: Tensor) -> Self:
        """A control: each patient has the bag of the patient of that number (P,)."""
        return replace(self, counts=self.counts[donors], first=self.first[donors])

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (E,) of each number over all tiles, as float32.

        Raises ValueError where there is no tile.
        """
        if not len(self.table):
            raise ValueError("no tile, expected some")
        moments = ColumnMoments(self.width)
        for block in self.table.row_blocks():
            moments.add(block)
        return torch.from_numpy(moments.mean).float(), torch.from_numpy(np.sqrt(moments.variance)).float()

    def identity(self) -> Iterator[bytes]:
        """What tells the bags from others, piece by piece."""
        digest = hashlib.sha256()
        for block in self.table.row_blocks():
            digest.update(np.ascontiguousarray(block).data)
        yield digest.digest()
        yield self.counts.numpy().tobytes()
        yield self.places.numpy().tobytes()
        yield b"" if self.order is None else self.order.numpy().tobytes()

    def swapped(self, seed: int) -> Self:
        """A control: all tiles are dealt out anew among the patients; each keeps their number and their places."""
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(self.table)))
        return replace(self, order=order)

    def _counts_of(self, patients: Tensor) -> list[int]:
        counts: list[int] = self.counts[patients].tolist()
        if 0 in counts and not self.may_lack:
            raise ValueError(f"{self.patient_ids[int(patients[counts.index(0)])]} has no slide")
        return counts

    def _batch(self, chosen: list[NDArray[np.int64]], patients: Tensor) -> TileBatch:
        longest = max(map(len, chosen), default=0)
        tiles = torch.zeros(len(chosen), longest, self.width, dtype=torch.float16)
        places, real = torch.zeros(len(chosen), longest, 2), torch.zeros(len(chosen), longest, dtype=torch.bool)
        for number, (own, first) in enumerate(zip(chosen, self.first[patients].tolist(), strict=True)):
            rows = own + first
            stored = rows if self.order is None else self.order.numpy()[rows]
            tiles[number, : len(own)] = torch.from_numpy(self.table.rows(stored))
            places[number, : len(own)] = self.places[torch.from_numpy(rows)]
            real[number, : len(own)] = True
        return TileBatch(tiles=tiles, places=places, real=real)


def places_in_pitches(bag: Bag) -> NDArray[np.float64]:
    """Where the tiles of a slide lie (N, 2), in tile pitches from the leftmost and the uppermost."""
    corners = bag.corners - bag.corners.min(0)
    return np.asarray(corners / pitch_of(bag.corners))


def pitch_of(corners: NDArray[np.int64]) -> float:
    """Pixels of level 0 from a tile to the next one: the usual distance of neighbours in a row, or in a column.

    Corners (N, 2) of other programs lie on several grids, one for each piece of tissue; so the gaps between all columns
    say nothing. Without any neighbours it is 1.
    """
    for along in (0, 1):
        order = np.lexsort((corners[:, along], corners[:, 1 - along]))
        steps = np.diff(corners[order], axis=0)
        gaps = steps[(steps[:, 1 - along] == 0) & (steps[:, along] > 0), along]
        if len(gaps):
            return float(np.median(gaps))
    return 1.0


def evenly_spaced(count: int, most: int) -> NDArray[np.int64]:
    """All of `count` numbers from 0, or `most` of them, evenly spaced."""
    kept = min(count, most)
    return (np.arange(kept, dtype=np.int64) * count) // max(1, kept)


def _parts(count: int, most: int, parts: int, randomness: np.random.Generator) -> list[NDArray[np.int64]]:
    """Sorted numbers below `count` for each part, `most` at most."""
    if count < parts:
        return [np.arange(count, dtype=np.int64)] * parts
    dealt = randomness.permutation(count)
    return [np.sort(part[:most]) for part in np.array_split(dealt, parts)]
