"""Slices that lie on disk at the network's size, prepared once for all runs, and are read when a step asks for them.

N slices, S pixels on a side, C channels of an image.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.datasets.stored_volume import StoredVolume

Part = Literal["all", "images", "masks"]
ABSENT = -1  # the volume of a patient who has none


@dataclass(frozen=True, kw_only=True)
class StoredSlices:
    """Slices (N, C + 1, S, S) as a tensor would hold them, the mask last; indexing reads them from the disk.

    Slice i is number `place[i]` of `volumes[volume[i]]`, each of its `n_channels` with `context` neighbours on either
    side; beyond a volume's ends the last is repeated. Where `volume[i]` is ABSENT it is left out: NaN all over. `part`
    leaves out the masks, or all but them.
    """

    volumes: Sequence[StoredVolume]
    volume: NDArray[np.int64]
    place: NDArray[np.int64]
    size: int
    context: int = 0
    n_channels: int = 1
    part: Part = "all"

    def __len__(self) -> int:
        return len(self.place)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As a tensor's."""
        images = self.n_channels * (1 + 2 * self.context)
        return len(self), {"images": images, "masks": 1, "all": images + 1}[self.part], self.size, self.size

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """Some of the slices, in memory; `rows` are numbers or, as many as there are slices, yes and no."""
        numbers = np.arange(len(self))[rows if isinstance(rows, slice) else rows.numpy()]
        found = torch.empty(len(numbers), *self.shape[1:])
        for number, target in zip(numbers.tolist(), found.numpy(), strict=True):
            self.read(number, target)
        return found

    def read(self, row: int, into: NDArray[np.float32]) -> NDArray[np.float32]:
        """One slice into `into` (C + 1, S, S), which is returned."""
        if self.volume[row] == ABSENT:
            into[:] = np.nan
            return into
        volume, place = self.volumes[self.volume[row]], int(self.place[row])
        last, planes = len(volume.area) - 1, list[int]()
        if self.part != "masks":
            near = [min(max(place + off, 0), last) for off in range(-self.context, self.context + 1)]
            planes = [first + one for first in range(0, self.n_channels * (last + 1), last + 1) for one in near]
        if self.part != "images":
            mask = int(volume.mask_plane[place])
            if mask >= 0:
                planes.append(mask)
            else:
                into[-1] = 0
        if planes:
            volume.planes(planes, into[: len(planes)])
        return into

    def of(self, part: Part) -> "StoredSlices":
        """Images or masks alone."""
        return replace(self, part=part)

    def choose(self, rows: Tensor) -> "StoredSlices":
        """Some of the slices, not read yet."""
        chosen = rows.numpy()
        return replace(self, volume=self.volume[chosen], place=self.place[chosen])

    def followed_by(self, others: "StoredSlices") -> "StoredSlices":
        """These slices and after them others of the same shape."""
        theirs = np.where(others.volume == ABSENT, ABSENT, others.volume + len(self.volumes))
        return replace(
            self,
            volumes=[*self.volumes, *others.volumes],
            volume=np.concatenate([self.volume, theirs]),
            place=np.concatenate([self.place, others.place]),
        )

    def area(self) -> Tensor:
        """Tumour area (N,) of each slice, in pixels; nothing is read."""
        starts = np.cumsum([0, *(len(volume.area) for volume in self.volumes)])[:-1]
        every = np.concatenate([np.zeros(0, np.float32), *(volume.area for volume in self.volumes)])
        there = self.volume != ABSENT
        areas = np.zeros(len(self), every.dtype)
        areas[there] = every[starts[self.volume[there]] + self.place[there]]
        return torch.from_numpy(areas)

    def identity(self) -> Iterator[bytes]:
        """What tells these slices from others, without a reading of them."""
        yield repr((self.shape, self.context)).encode()
        yield from (volume.checksums.tobytes() + volume.area.tobytes() for volume in self.volumes)
        yield self.volume.tobytes() + self.place.tobytes()


def reader_of(channels: Tensor | StoredSlices) -> Callable[[int], NDArray[Any]]:
    """What gives one slice (C, S, S) by its number; of stored ones it is overwritten by the next."""
    if isinstance(channels, Tensor):
        return channels.numpy().__getitem__
    near = np.empty(channels.shape[1:], np.float32)
    return lambda row: channels.read(row, near)
