"""One batch of segmentation training: slices as they are, and what is to be done to them where the network computes.

B slices of U patients, S pixels on a side, G genes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.datasets.augment import Changes, changed_planes, draw_changes
from mgi.datasets.batches import tumour_weights, weighted_batch
from mgi.training.loop import Randomness
from mgi.training.pretrain_batches import Pairs
from mgi.training.settings import FinetuneSettings


@dataclass(frozen=True, kw_only=True)
class SegmentationBatch:
    """Slices as rows (B,) of planes (N, C + 1, S, S), their changes, and their patients (B,) as rows of genes (U, G).

    The last plane is the mask. `has_genes` (U,) tells whose genes may be used. Drawn for a CPU, the planes are those of
    all slices, of which no copy is made before they are changed.
    """

    planes: Tensor
    rows: Tensor
    changes: Changes
    patient: Tensor
    genes: Tensor
    has_genes: Tensor

    def on(self, device: torch.device) -> "SegmentationBatch":
        """The batch on a device, but for the genes; from pinned memory the copy runs beside the computation.

        The genes stay: `gene_cache.segment` knows a patient by the numbers, which it reads on the CPU.
        """
        return self._with(lambda tensor: tensor.to(device, non_blocking=True))

    def gathered(self) -> "SegmentationBatch":
        """The batch with planes of its own slices alone, (B, C + 1, S, S)."""
        own = self.planes.index_select(0, self.rows)  # whole slices at a time; planes[rows] goes pixel by pixel
        return replace(self, planes=own, rows=torch.arange(len(self.rows)))

    def pinned(self) -> "SegmentationBatch":
        """The batch gathered in memory that a GPU reads by itself."""
        return self.gathered()._with(lambda tensor: tensor.pin_memory())

    def augmented(self) -> tuple[Tensor, Tensor]:
        """Images (B, C, S, S) and masks (B, 1, S, S) after their changes, computed where they lie."""
        return changed_planes(self.planes, self.rows, self.changes)

    def _with(self, change: Callable[[Tensor], Tensor]) -> "SegmentationBatch":
        return replace(
            self,
            planes=change(self.planes),
            rows=change(self.rows),
            changes=self.changes.map(change),
            patient=change(self.patient),
        )


@dataclass(frozen=True, kw_only=True)
class SegmentationDrawer:
    """Draws batch after batch from a fold's training patients with the generators of a run, and with no others.

    Without `use_genes` nobody has genes. With `pin`, which a GPU wants, batches lie in pinned memory.
    """

    training: Pairs
    settings: FinetuneSettings
    randomness: Randomness
    use_genes: bool
    pin: bool = False

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Each slice's share in the draws."""
        return tumour_weights(self.training.slices.masks.sum((1, 2, 3)).numpy(), self.settings.area_floor)

    def __call__(self, step: int) -> SegmentationBatch:
        """The next batch; `step` does not matter."""
        settings, slices, generator = self.settings, self.training.slices, self.randomness.torch
        rows = torch.from_numpy(weighted_batch(self.weights, settings.schedule.batch, self.randomness.numpy))
        patients, patient = torch.unique(slices.patient[rows], return_inverse=True)
        genes = self.training.genes[patients]
        if settings.gene_noise > 0:
            genes = genes + settings.gene_noise * torch.randn(genes.shape, generator=generator)
        kept = torch.rand(len(patients), generator=generator) >= settings.gene_dropout
        batch = SegmentationBatch(
            planes=slices.planes,
            rows=rows,
            changes=draw_changes(len(rows), settings.augment, generator),
            patient=patient,
            genes=genes,
            has_genes=kept & self.use_genes,
        )
        return batch.pinned() if self.pin else batch
