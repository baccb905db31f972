"""One training batch of patients, some slices of each or some tiles of its slide; no mask is read.

B slices or slides of U patients, C S S an image, G genes, P patients of training.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.datasets.augment import sample_augment
from mgi.datasets.batches import noise_maker, patient_unique_batch, with_stripped
from mgi.datasets.slide_bags import ScanAndSlide, TileBatch
from mgi.models.patient_network import left_out
from mgi.training.loop import Randomness
from mgi.training.moving import Images, Movable, moved
from mgi.training.pretrain_batches import Pairs, changed_images
from mgi.training.settings import FinetuneSettings


@dataclass(frozen=True, kw_only=True)
class PatientBatch(Movable):
    """Images (B, C, S, S) or tiles, each one's patient (B,) as a row of the genes (U, G), and what is learned (U, ...).

    `has_genes` (U,) tells whose genes may be used; images of patients that go without theirs are marked.
    """

    images: Images
    patient: Tensor
    genes: Tensor
    has_genes: Tensor
    outcome: Tensor

    def moved(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The genes stay: `finetune.forward` knows a patient by the numbers, which it reads on the CPU."""
        images = moved(self.images, move)
        return replace(self, images=images, patient=move(self.patient), outcome=move(self.outcome))


@dataclass(frozen=True, kw_only=True)
class PatientDrawer:
    """Draws batch after batch of different patients with the generators of a run, and with no others.

    `chances` (P,) say how likely each is to be drawn, 0 for one whose outcome is not known; all are drawn where the
    batch has room. `slices` of each are drawn with equal chances. Nobody goes without image and genes at once, nor
    without all of scan, slide and genes.
    """

    training: Pairs
    settings: FinetuneSettings
    randomness: Randomness
    chances: NDArray[np.float64]
    slices: int
    image_dropout: float
    use_genes: bool
    use_image: bool = True
    for_gpu: bool = field(default=False)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Each slice's share in the draws."""
        slices = self.training.slices
        return with_stripped(np.ones(len(slices.patient)), slices.n_stripped, self.settings.augment.skull_strip)

    @cached_property
    def noise(self) -> Callable[[int, torch.Generator], Tensor]:
        """Draws what is added to expression."""
        return noise_maker(self.training.genes, self.settings.gene_noise_shape)

    def __call__(self, step: int) -> PatientBatch:
        """The next batch; `step` does not matter."""
        settings, generator, slices = self.settings, self.randomness.torch, self.training.slices
        rows = self._rows()
        patients, patient = torch.unique(slices.patient[rows], return_inverse=True)
        genes = self.training.genes_of(patients)
        if settings.gene_noise > 0:
            genes = genes + settings.gene_noise * self.noise(len(genes), generator)
        if self.of_several:
            kept, images = self._several(rows, patients, patient)
        else:
            kept, seen = self._kept(len(patients))
            images = self._without(self._images(rows), ~seen[patient])
        assert self.training.outcome is not None
        batch = PatientBatch(
            images=images,
            patient=patient,
            genes=genes,
            has_genes=kept,
            outcome=self.training.outcome[patients],
        )
        return batch.pinned() if self.for_gpu and torch.cuda.is_available() else batch

    def _rows(self) -> Tensor:
        """Some slices (B,) each of some patients."""
        rng, known = self.randomness.numpy, np.flatnonzero(self.chances)
        shares, size = self.chances[known] / self.chances.sum(), min(self.settings.schedule.batch, len(known))
        chosen = set(rng.choice(known, size=size, replace=False, p=shares).tolist())
        none = np.zeros(0, np.int64)
        own = [rows if number in chosen else none for number, rows in enumerate(self.training.slices.rows_of)]
        return torch.from_numpy(patient_unique_batch(own, self.weights, size, rng, self.slices))

    def _kept(self, count: int) -> tuple[Tensor, Tensor]:
        """Whose genes (U,) and whose image (U,) stay."""
        generator = self.randomness.torch
        dropped = torch.rand(2, count, generator=generator)
        genes, image = dropped[0] >= self.settings.gene_dropout, dropped[1] >= self.image_dropout
        if not self.use_genes:
            return torch.zeros(count, dtype=torch.bool), torch.ones(count, dtype=torch.bool)
        if not self.use_image:
            return torch.ones(count, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
        return genes, image | ~genes

    @cached_property
    def has_scan(self) -> Tensor:
        """Who has a scan (P,)."""
        return self.training.has_scan

    @property
    def of_several(self) -> bool:
        """Whether there are slides beside scans, or some who lack a scan because there are."""
        training = self.training
        if not self.use_image or training.bags is not None:
            return False
        return training.beside is not None or not bool(self.has_scan.all())

    def _several(self, rows: Tensor, patients: Tensor, patient: Tensor) -> tuple[Tensor, Images]:
        """Whose genes (U,) stay, and the images; each is dropped by itself."""
        beside, drops = self.training.beside, (self.settings.gene_dropout, self.image_dropout, self.image_dropout)
        stays = torch.rand(3, len(patients), generator=self.randomness.torch) >= torch.tensor(drops).unsqueeze(1)
        has_scan = self.has_scan[patients]
        has_slide = torch.zeros_like(has_scan) if beside is None else beside.has_slide[patients]
        genes = stays[0] if self.use_genes else torch.zeros_like(has_scan)
        scan, slide = stays[1] & has_scan, stays[2] & has_slide
        # Who would go without everything keeps all images, and who has none the genes.
        nothing = ~(genes | scan | slide)
        scan, slide = scan | (nothing & has_scan), slide | (nothing & has_slide)
        if self.use_genes:
            genes = genes | (nothing & ~has_scan & ~has_slide)
        slices = self.training.slices.images
        images = self._images(rows) if bool(self.has_scan.any()) else slices[rows]  # else one pixel each
        assert isinstance(images, Tensor)
        scans = left_out(images, ~scan[patient])  # augmentation turns what is left out into anything
        if beside is None:
            return genes, scans
        drawn = beside.drawn(patients, self.training.max_tiles, self.randomness.numpy)
        return genes, ScanAndSlide(scans, drawn.without(~slide))

    @staticmethod
    def _without(images: Tensor | TileBatch, absent: Tensor) -> Tensor | TileBatch:
        return left_out(images, absent) if isinstance(images, Tensor) else images.without(absent)

    def _images(self, rows: Tensor) -> Tensor | TileBatch:
        slices, bags = self.training.slices, self.training.bags
        if bags is not None:
            return bags.drawn(slices.patient[rows], self.training.max_tiles, self.randomness.numpy)
        if not self.use_image:
            images: Tensor = slices.images[rows]
            return images
        augment = sample_augment((len(rows), *slices.images.shape[1:]), self.settings.augment, self.randomness.torch)
        return changed_images(slices, rows, augment)
