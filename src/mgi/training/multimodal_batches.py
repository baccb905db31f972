"""One batch of pre-training with several modalities: patients with an image, and behind them some without.

It is drawn whole and alike by every process, of which each prepares its own part. P patients with an image, N slices of
theirs, U patients without image, R rows that have a modality, K its numbers; n and r are a process's own.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.datasets.augment import sample_augment
from mgi.datasets.batches import (
    noise_maker,
    patient_unique_batch,
    random_mask,
    span_mask,
    spread_over,
    tumour_weights,
    with_stripped,
)
from mgi.datasets.modality_tables import ModalityTables, dropped_at_random
from mgi.datasets.slices import SliceSet
from mgi.training.distributed import ALONE, Group
from mgi.training.loop import Randomness
from mgi.training.pretrain_batches import changed_images, parts_of_slices
from mgi.training.settings import PretrainSettings


@dataclass(frozen=True, kw_only=True)
class ModalityRows:
    """What a batch has of one modality: `places` (R,) are its patients, ascending, those of all processes.

    `seen` (r, K) carries noise, `whole` (r, K) does not; `hidden` (r, K) are masked in `whole`, or has no columns. All
    processes together have `n_hidden` of these, and each `counts` rows; None where this one has all.
    """

    places: Tensor
    seen: Tensor
    whole: Tensor
    hidden: Tensor
    n_hidden: int
    counts: tuple[int, ...] | None = None

    def moved(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The same rows elsewhere."""
        tensors: Any = {name: move(value) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **tensors)

    def part_of(self, group: Group) -> Self:
        """What one of several processes prepares."""
        if group.size == 1:
            return self
        parts = group.parts(len(self.places))
        own = {name: getattr(self, name)[parts[group.rank]] for name in ("seen", "whole", "hidden")}
        return replace(self, counts=tuple(part.stop - part.start for part in parts), **own)


@dataclass(frozen=True, kw_only=True)
class MultimodalBatch:
    """Slices (n, C, S, S), the patient (N,) of each slice of all processes, and rows of the modalities that any patient
    has.

    Patients with an image are numbered from 0, those without from `imaged` on. A modality that nobody has is not there.
    Each process has `counts` of the slices; None where this one has all.
    """

    images: Tensor
    patient: Tensor
    imaged: int
    modalities: Mapping[str, ModalityRows]
    counts: tuple[int, ...] | None = None

    def moved(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The batch with its tensors elsewhere."""
        rows = {name: one.moved(move) for name, one in self.modalities.items()}
        return replace(self, images=move(self.images), patient=move(self.patient), modalities=rows)

    def on(self, device: torch.device) -> Self:
        """The batch on a device; from pinned memory the copy runs beside the computation."""
        return self.moved(lambda tensor: tensor.to(device, non_blocking=True))


@dataclass(frozen=True, kw_only=True)
class MultimodalPairs:
    """Slices and the modalities of the same patients, in the same order."""

    slices: SliceSet
    tables: ModalityTables

    def __len__(self) -> int:
        """The number of patients."""
        return len(self.slices.patient_ids)

    def digest(self) -> str:
        """SHA-256 of what tells the data from others, so that a checkpoint of other data is never resumed."""
        digest = hashlib.sha256(self.tables.digest().encode())
        for part in parts_of_slices(self.slices):
            digest.update(part)
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class ModalityDrawer:
    """Draws the modalities of a batch's patients with the generators of a run, and with no others.

    `unpaired` are modalities of patients without image; `numbers_per_token` the width of a masked span's unit, by
    modality. Modalities are drawn in the order of their names.
    """

    training: ModalityTables
    unpaired: ModalityTables | None
    settings: PretrainSettings
    randomness: Randomness
    numbers_per_token: Mapping[str, int]

    @cached_property
    def noise(self) -> dict[str, Callable[[int, torch.Generator], Tensor]]:
        """By modality what draws noise for it."""
        values = self.training.values
        return {name: noise_maker(values[name], self.settings.gene_noise_shape) for name in self.training.names}

    def __call__(self, chosen: Tensor) -> dict[str, ModalityRows]:
        """What is drawn of patients with an image (P,), and behind them of some without; not what nobody has."""
        unpaired = self._draw_unpaired()
        kept = self._present(chosen, unpaired)
        names = self.training.names
        drawn = {name: self._rows(name, chosen, unpaired, kept[:, m]) for m, name in enumerate(names)}
        return {name: one for name, one in drawn.items() if len(one.places)}

    def _present(self, chosen: Tensor, unpaired: Tensor) -> Tensor:
        """Which modalities (P + U, M) the patients of a batch are given."""
        parts = [self.training.presence[chosen]]
        if self.unpaired is not None:
            parts.append(self.unpaired.presence[unpaired])
        return dropped_at_random(torch.cat(parts), self.settings.modality_dropout, self.randomness.torch)

    def _rows(self, name: str, chosen: Tensor, unpaired: Tensor, kept: Tensor) -> ModalityRows:
        """One modality of those (P + U,) who keep it, with its noise and mask."""
        settings, generator = self.settings, self.randomness.torch
        sources = [(self.training, chosen, 0)]
        if self.unpaired is not None:
            sources.append((self.unpaired, unpaired, len(chosen)))
        places, values = [], []
        for tables, patients, first in sources:
            mine = kept[first : first + len(patients)].nonzero().flatten()
            places.append(mine + first)
            values.append(tables.rows(name, patients[mine])[1])
        whole = torch.cat(values)
        noise = settings.gene_noise * self.noise[name](len(whole), generator)
        hidden = self._hide(name, *whole.shape)
        return ModalityRows(
            places=torch.cat(places), seen=whole + noise, whole=whole, hidden=hidden, n_hidden=int(hidden.sum())
        )

    def _draw_unpaired(self) -> Tensor:
        """Rows of the patients without image that join the step."""
        count = 0 if self.unpaired is None else len(self.unpaired)
        wanted = min(self.settings.unpaired_batch, count)
        if wanted == 0:
            return torch.zeros(0, dtype=torch.int64)
        return torch.from_numpy(self.randomness.numpy.permutation(count)[:wanted].astype(np.int64))

    def _hide(self, name: str, rows: int, numbers: int) -> Tensor:
        settings, generator, width = self.settings, self.randomness.torch, self.numbers_per_token[name]
        if not settings.reconstructs_genes:
            return torch.zeros(rows, 0, dtype=torch.bool)
        if settings.masked_gene_shape == "random":
            return random_mask(rows, numbers, settings.masked_genes, generator)
        spans = span_mask(rows, -(-numbers // width), settings.masked_genes, generator)
        return spread_over(spans, width, numbers)


@dataclass(frozen=True, kw_only=True)
class MultimodalDrawer:
    """Draws batch after batch with the generators of `modalities`; with `pin` batches lie in pinned memory."""

    training: MultimodalPairs
    modalities: ModalityDrawer
    group: Group = ALONE
    pin: bool = False

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Each slice's share in the draws."""
        slices, settings = self.training.slices, self.modalities.settings
        return with_stripped(tumour_weights(slices.area.numpy()), slices.n_stripped, settings.augment.skull_strip)

    def __call__(self, step: int) -> MultimodalBatch:
        """The next batch; `step` does not matter."""
        settings, randomness, slices = self.modalities.settings, self.modalities.randomness, self.training.slices
        size, each = settings.schedule.batch, settings.slices_per_patient
        rows = torch.from_numpy(patient_unique_batch(slices.rows_of, self.weights, size, randomness.numpy, each))
        augment = sample_augment((len(rows), *slices.images.shape[1:]), settings.augment, randomness.torch)
        chosen, patient = torch.unique_consecutive(slices.patient[rows], return_inverse=True)
        own, parts = self.group.share(len(rows)), self.group.parts(len(rows))
        batch = MultimodalBatch(
            modalities={name: one.part_of(self.group) for name, one in self.modalities(chosen).items()},
            images=changed_images(slices, rows[own], augment[own]),
            patient=patient,
            imaged=len(chosen),
            counts=None if self.group.size == 1 else tuple(part.stop - part.start for part in parts),
        )
        return batch.moved(lambda tensor: tensor.pin_memory()) if self.pin else batch
