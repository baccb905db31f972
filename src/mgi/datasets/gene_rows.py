"""Standardised expression that stays on disk, and is read a few patients at a time."""

from collections.abc import Iterator

import torch
from torch import Tensor

from mgi.core.scratch_table import ScratchTable


class GeneRows:
    """Expression (P, G) as a tensor would hold it; indexing reads rows from the disk."""

    def __init__(self, table: ScratchTable) -> None:
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    @property
    def shape(self) -> tuple[int, int]:
        """As a tensor's."""
        return self.table.shape

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """Some rows, in memory; `rows` are numbers, or yes and no for each row."""
        chosen = torch.arange(len(self))[rows]
        return torch.from_numpy(self.table.rows(chosen.numpy()))

    def split(self, size: int) -> Iterator[Tensor]:
        """All rows, `size` at a time."""
        for first in range(0, len(self), size):
            yield self[slice(first, first + size)]

    def mapped(self) -> Tensor:
        """All rows as a map of the file, for what must see them at once."""
        return torch.from_numpy(self.table.mapped())


Genes = Tensor | GeneRows


def mapped(genes: Genes) -> Tensor:
    """All rows as one tensor; those on disk are mapped, not read."""
    return genes if isinstance(genes, Tensor) else genes.mapped()
