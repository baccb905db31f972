"""One batch of segmentation training: slices as they are, and what is to be done to them where the network computes.

B slices of U patients, S pixels on a side, G genes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.datasets.augment import AugmentParams, apply_augment, apply_augment_on_device, sample_augment
from mgi.datasets.batches import noise_maker, shares_up_to, tumour_weights, weighted_batch, with_stripped
from mgi.training.distributed import ALONE, Group
from mgi.training.loop import Randomness
from mgi.training.moving import Movable
from mgi.training.pretrain_batches import Pairs
from mgi.training.settings import FinetuneSettings


@dataclass(frozen=True, kw_only=True)
class SegmentationBatch(Movable):
    """Channels (B, C + 1, S, S), the last of them the mask, and each slice's patient (B,) as a row of the genes (U, G).

    `augment` is still to be applied to the channels where the network computes; None where it has been. `has_genes`
    (U,) tells whose genes may be used. All are this process's part; `counts` are the slices of each process's.
    """

    channels: Tensor
    augment: AugmentParams | None
    patient: Tensor
    genes: Tensor
    has_genes: Tensor
    counts: list[int]

    def augmented(self) -> tuple[Tensor, Tensor]:
        """Images (B, C, S, S) and masks (B, 1, S, S) after augmentation; they share their memory."""
        channels = self.channels
        if self.augment is not None:
            channels = apply_augment_on_device(channels, self.augment, masks=1)
        return channels[:, :-1], channels[:, -1:]

    def moved(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The genes stay: `finetune.forward` knows a patient by the numbers, which it reads on the CPU."""
        augment = None if self.augment is None else self.augment.map(move)
        return replace(self, channels=move(self.channels), augment=augment, patient=move(self.patient))


@dataclass(frozen=True)
class SegmentationDrawer:
    """Draws batch after batch from a fold's training patients with the generators of a run, and with no others.

    Without `use_genes` nobody has genes. With `for_gpu` the channels are gathered in pinned memory and augmented by the
    GPU; without it they are augmented on the way, and no slice is copied before. Of several processes each draws the
    whole batch and prepares its own part.
    """

    training: Pairs
    settings: FinetuneSettings
    randomness: Randomness
    use_genes: bool = field(kw_only=True)
    for_gpu: bool = field(kw_only=True, default=False)
    group: Group = field(kw_only=True, default=ALONE)

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """The slices' shares in the draws, summed up."""
        slices, settings = self.training.slices, self.settings
        weights = tumour_weights(slices.area.numpy(), settings.empty_slice_weight)
        return shares_up_to(with_stripped(weights, slices.n_stripped, settings.augment.skull_strip))

    @cached_property
    def noise(self) -> Callable[[int, torch.Generator], Tensor]:
        """Draws what is added to expression."""
        return noise_maker(self.training.genes, self.settings.gene_noise_shape)

    def __call__(self, step: int) -> SegmentationBatch:
        """The next batch; `step` does not matter."""
        settings, slices, generator = self.settings, self.training.slices, self.randomness.torch
        rows = torch.from_numpy(weighted_batch(self.shares, settings.schedule.batch, self.randomness.numpy))
        patients, patient = torch.unique(slices.patient[rows], return_inverse=True)
        genes = self.training.genes_of(patients)
        if settings.gene_noise > 0:
            genes = genes + settings.gene_noise * self.noise(len(genes), generator)
        kept = torch.rand(len(patients), generator=generator) >= settings.gene_dropout
        augment = sample_augment((len(rows), *slices.images.shape[1:]), settings.augment, generator)
        own = self.group.share(len(rows))
        seen, patient = torch.unique(patient[own], return_inverse=True)
        batch = SegmentationBatch(
            channels=self._channels(rows[own], augment[own]),
            augment=augment[own] if self.for_gpu else None,
            patient=patient,
            genes=genes[seen],
            has_genes=kept[seen] & self.use_genes,
            counts=[part.stop - part.start for part in self.group.parts(len(rows))],
        )
        return batch.pinned() if self.for_gpu and torch.cuda.is_available() else batch

    def _channels(self, rows: Tensor, augment: AugmentParams) -> Tensor:
        slices, channels = self.training.slices, self.training.slices.channels
        if augment.between is not None:
            channels, rows = slices.between(rows, augment.between), torch.arange(len(rows))
            return channels if self.for_gpu else apply_augment(channels, rows, augment, masks=1)
        return slices.gather(rows) if self.for_gpu else apply_augment(channels, rows, augment, masks=1)
