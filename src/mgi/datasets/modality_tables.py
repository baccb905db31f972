"""Vectors of several modalities for the same patients, of whom each may lack some.

P patients, M modalities, R_m patients who have modality m, K_m numbers of it, B patients of a batch.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from mgi.core.scratch_table import block_length
from mgi.datasets.derangement import cyclic_derangement
from mgi.datasets.gene_rows import Genes
from mgi.datasets.settings import Missing

ABSENT = -1


@dataclass(frozen=True, kw_only=True)
class ModalityTables:
    """By modality the vectors (R_m, K_m) of those who have it, and of every patient the row (P,) there, or -1.

    Vectors are standardised and have no gaps. Modalities are taken in the order of their names, so that the order in
    which they were listed changes nothing.
    """

    values: Mapping[str, Genes]
    row_of: Mapping[str, Tensor]

    @classmethod
    def dense(cls, values: Mapping[str, Tensor], presence: Tensor) -> Self:
        """From vectors (P, K_m) by modality and who has which (P, M), with columns in the order of the names.

        Raises ValueError where the shapes do not go together.
        """
        if presence.shape != (len(next(iter(values.values()))), len(values)):
            raise ValueError(f"presence has shape {tuple(presence.shape)} for {len(values)} modalities")
        columns = dict(zip(sorted(values), presence.unbind(1), strict=True))
        return cls(
            values={name: values[name][has] for name, has in columns.items()},
            row_of={name: torch.where(has, has.cumsum(0) - 1, ABSENT) for name, has in columns.items()},
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities, sorted."""
        return tuple(sorted(self.values))

    def __len__(self) -> int:
        """The number of patients."""
        return len(self.row_of[self.names[0]])

    @property
    def presence(self) -> Tensor:
        """Who has which modality (P, M), with columns in the order of `names`."""
        return torch.stack([self.row_of[name] >= 0 for name in self.names], 1)

    @property
    def sizes(self) -> dict[str, int]:
        """K_m by modality."""
        return {name: self.values[name].shape[1] for name in self.names}

    def rows(self, name: str, patients: Tensor) -> tuple[Tensor, Tensor]:
        """Which of these patients (B,) have the modality, as places (R,) in `patients`, and their vectors (R, K)."""
        row = self.row_of[name][patients]
        places = (row >= 0).nonzero().flatten()
        return places, self.values[name][row[places]]

    def taking(self, patients: Tensor) -> Self:
        """These patients, in this order; no vector is copied."""
        return replace(self, row_of={name: row[patients] for name, row in self.row_of.items()})

    def permuted(self, name: str, seed: int) -> Self:
        """One modality handed on among the patients who have it: nobody keeps their own; one alone does."""
        row = self.row_of[name].clone()
        having = (row >= 0).nonzero().flatten()
        row[having] = row[having[cyclic_derangement(len(having), seed)]]
        return replace(self, row_of={**self.row_of, name: row})

    def digest(self) -> str:
        """SHA-256 of names, vectors and who has which, so that a checkpoint of other data is never resumed."""
        digest = hashlib.sha256()
        for name in self.names:
            digest.update(f"{name} {self.values[name].shape}\n".encode())
            digest.update(self.row_of[name].contiguous().numpy().data)
            for part in _blocks(self.values[name]):
                digest.update(part.contiguous().numpy().data)
        return digest.hexdigest()


def complete_enough(presence: Tensor, missing: Missing) -> Tensor:
    """Which patients (P,) take part: those with all modalities where it is inner, else those with any."""
    return presence.all(1) if missing == "inner" else presence.any(1)


def dropped_at_random(presence: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Presence (B, M) in which each present modality is dropped with this rate, but never the last of a patient.

    Nothing is drawn where the rate is 0.
    """
    if rate == 0:
        return presence
    draw = torch.rand(presence.shape, generator=generator).masked_fill(~presence, -1.0)
    kept = presence & (draw >= rate)
    without = (presence.any(1) & ~kept.any(1)).nonzero().flatten()
    kept[without, draw[without].argmax(1)] = True
    return kept


def _blocks(values: Genes) -> Iterator[Tensor]:
    yield from values.split(block_length(max(1, values.shape[1])))
