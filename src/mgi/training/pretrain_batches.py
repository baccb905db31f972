"""One pre-training batch: drawn whole and alike by every process, of which each prepares its own part.

P patients with N slices in all, U patients without image, G genes, T image patches; p, n and u are a process's own.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.core.errors import BadInputError
from mgi.core.scratch_table import block_length
from mgi.datasets.augment import AugmentParams, apply_augment, sample_augment
from mgi.datasets.batches import (
    noise_maker,
    patient_unique_batch,
    random_mask,
    span_length,
    span_mask,
    spread_over,
    tumour_weights,
    with_stripped,
)
from mgi.datasets.derangement import cyclic_derangement
from mgi.datasets.gene_rows import Genes
from mgi.datasets.settings import AugmentSettings
from mgi.datasets.slices import SliceSet
from mgi.datasets.slide_bags import MOST_AT_TEST, ScanAndSlide, SlideBags
from mgi.training.contrastive import min_loss
from mgi.training.distributed import ALONE, Group
from mgi.training.loop import Randomness
from mgi.training.moving import Images, Movable
from mgi.training.settings import PretrainSettings
from mgi.training.weights import digest_of_tensors


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Slices and standardised expression (P, G) of the same patients, in the same order.

    With `gene_rows` (P,) they are the rows of other expression that the patients are given. `outcome` (P, ...) is what
    a task of labels learns of each, as that task codes it; nothing that predicts has any. Where the image is a slide
    there are `bags`, of which a training step sees `max_tiles` tiles each, and one slice a patient that is left out.
    Where there are slides beside the scans, `beside` are theirs; a patient may lack either, and who has no scan has one
    slice that is left out.
    """

    slices: SliceSet
    genes: Genes
    gene_rows: Tensor | None = None
    outcome: Tensor | None = None
    bags: SlideBags | None = None
    beside: SlideBags | None = None
    max_tiles: int = MOST_AT_TEST

    def __len__(self) -> int:
        """The number of patients."""
        return len(self.slices.patient_ids)

    @property
    def has_scan(self) -> Tensor:
        """Who has a scan (P,), which is what slices are of."""
        seen = self.slices.patient[self.slices.there]
        return torch.zeros(len(self), dtype=torch.bool).index_fill(0, seen, True)

    def genes_of(self, patients: Tensor) -> Tensor:
        """Expression (U, G) of patients (U,), in memory."""
        return self.genes[patients if self.gene_rows is None else self.gene_rows[patients]]

    def images_of(self, rows: slice) -> Images:
        """The images (B, C, S, S) of some slices, or the whole slides of some patients, or both."""
        if self.bags is not None:
            return self.bags.whole(torch.arange(len(self))[rows])
        if self.beside is None:
            return self.slices.images[rows]
        patients = torch.unique(self.slices.patient[rows])  # U, in order, as their genes are given
        return ScanAndSlide(self.slices.images[rows], self.beside.whole(patients))

    def keeping(self, chosen: Tensor) -> "Pairs":
        """The slices where `chosen` (N,) is true; every patient and its genes stay."""
        return replace(self, slices=self.slices.keeping(chosen))

    def digest(self) -> str:
        """SHA-256 of what tells the data from others, so that a checkpoint of other data is never resumed."""
        digest = hashlib.sha256(digest_of_genes(self.genes).encode())
        for part in parts_of_slices(self.slices):
            digest.update(part)
        for bags in (self.bags, self.beside):
            for part in () if bags is None else bags.identity():
                digest.update(part)
        if self.outcome is not None:
            digest.update(digest_of_tensors({"outcome": self.outcome}).encode())
        return digest.hexdigest()


def with_permuted_genes(pairs: Pairs, seed: int) -> Pairs:
    """The same slices, each patient's paired with the expression of another one: nobody keeps their own.

    Raises BadInputError where there is one patient alone.
    """
    count = len(pairs)
    if count < 2:
        raise BadInputError(f"permuted-pairs: found {count} patient, expected 2 at least")
    return replace(pairs, gene_rows=cyclic_derangement(count, seed))


def parts_of_slices(slices: SliceSet) -> Iterator[bytes]:
    """What tells slices from others, piece by piece."""
    if isinstance(slices.channels, Tensor):
        yield digest_of_tensors({"channels": slices.channels}).encode()
    else:
        yield from slices.channels.identity()
    yield digest_of_tensors({"patient": slices.patient}).encode()


def digest_of_genes(genes: Genes) -> str:
    """SHA-256 of expression (P, G), some patients at a time."""
    digest = hashlib.sha256(f"{tuple(genes.shape)}".encode())
    for rows in genes.split(block_length(genes.shape[1])):
        digest.update(rows.contiguous().numpy().data)
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Batch(Movable):
    """What a step learns from; counts and indexes are of the whole batch, all else is this process's part.

    A loss of images alone has another view of each slice in `second_views` (n, 1, S, S), and genes without columns.

    `patient` (N,) is the patient of every slice and `sibling` (N,) the next slice of the same patient. `genes` (p, G)
    carry noise; `whole` (p + u, G) do not, and `hidden_genes` are masked in them. `hidden_patches` (n, T) are masked in
    the images (n, 1, S, S), of which each belongs to row `owner` (n,) of the genes. Masks that no loss asks for have no
    columns.
    """

    images: Tensor
    second_views: Tensor
    owner: Tensor
    genes: Tensor
    whole: Tensor
    hidden_genes: Tensor
    hidden_patches: Tensor
    patient: Tensor
    sibling: Tensor
    slice_counts: list[int]
    patient_counts: list[int]
    n_hidden_genes: int
    n_hidden_patches: int
    min_loss: float


@dataclass(frozen=True, kw_only=True)
class BatchDrawer:
    """Draws batch after batch from a fold's training patients with the generators of a run, and with no others.

    `unpaired` (R, G) is the expression of patients without image, `genes_per_token` the width of a masked span's unit,
    `patches` the number of an image's tokens. With `pin` batches lie in pinned memory.
    """

    training: Pairs
    unpaired: Genes
    settings: PretrainSettings
    randomness: Randomness
    genes_per_token: int
    patches: int
    group: Group = ALONE
    pin: bool = False

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Each slice's share in the draws."""
        slices = self.training.slices
        weights = tumour_weights(slices.area.numpy())
        return with_stripped(weights, slices.n_stripped, self.settings.augment.skull_strip)

    @cached_property
    def noise(self) -> Callable[[int, torch.Generator], Tensor]:
        """Draws what is added to expression."""
        return noise_maker(self.training.genes, self.settings.gene_noise_shape)

    def __call__(self, step: int) -> Batch:
        """The next batch; `step` does not matter."""
        settings, group, generator = self.settings, self.group, self.randomness.torch
        size, each = settings.schedule.batch, settings.slices_per_patient
        slices = self.training.slices
        rows = torch.from_numpy(patient_unique_batch(slices.rows_of, self.weights, size, self.randomness.numpy, each))
        shape = (len(rows), *slices.images.shape[1:])
        augment = sample_augment(shape, settings.augment, generator)
        again = None if settings.reads_genes else sample_augment(shape, settings.augment, generator)
        chosen, patient = torch.unique_consecutive(slices.patient[rows], return_inverse=True)
        unpaired = self._draw_unpaired()
        hidden_genes = self._hide_genes(len(chosen) + len(unpaired))
        genes, noise = self._draw_genes(chosen)
        hidden_patches = self._hide_patches(len(rows))
        own = group.share(len(chosen))
        own_unpaired = group.share(len(unpaired))
        parts = [_slices_of(patient, part) for part in group.parts(len(chosen))]
        mine = parts[group.rank]
        both = [hidden_genes[: len(chosen)][own], hidden_genes[len(chosen) :][own_unpaired]]
        batch = Batch(
            images=changed_images(slices, rows[mine], augment[mine]),
            second_views=torch.zeros(0, *shape[1:])
            if again is None
            else changed_images(slices, rows[mine], again[mine]),
            owner=patient[mine] - own.start,
            genes=(genes + noise)[own],
            whole=torch.cat([genes[own], self.unpaired[unpaired[own_unpaired]]])
            if settings.reads_genes
            else genes[own],
            hidden_genes=torch.cat(both),
            hidden_patches=hidden_patches[mine],
            patient=patient,
            sibling=siblings(patient),
            slice_counts=[part.stop - part.start for part in parts],
            patient_counts=[part.stop - part.start for part in group.parts(len(chosen))],
            n_hidden_genes=int(hidden_genes.sum()),
            n_hidden_patches=int(hidden_patches.sum()),
            min_loss=min_loss(settings.loss, patient),
        )
        return batch.pinned() if self.pin else batch

    def _draw_genes(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Expression (P, G) of the chosen patients and noise for it; (P, 0) of both where no loss reads genes."""
        if not self.settings.reads_genes:
            return torch.zeros(len(chosen), 0), torch.zeros(len(chosen), 0)
        genes = self.training.genes_of(chosen)
        return genes, self.settings.gene_noise * self.noise(len(genes), self.randomness.torch)

    def _draw_unpaired(self) -> Tensor:
        """Rows of the patients without image that join the step; none where no loss would read them."""
        wanted = min(self.settings.unpaired_batch, len(self.unpaired)) if self.settings.reconstructs_genes else 0
        if wanted == 0:
            return torch.zeros(0, dtype=torch.int64)
        return torch.from_numpy(self.randomness.numpy.permutation(len(self.unpaired))[:wanted].astype(np.int64))

    def _hide_genes(self, rows: int) -> Tensor:
        settings, places = self.settings, self.training.genes.shape[1]
        if not settings.reconstructs_genes:
            return torch.zeros(rows, 0, dtype=torch.bool)
        if settings.masked_gene_shape == "random":
            return random_mask(rows, places, settings.masked_genes, self.randomness.torch)
        tokens = -(-places // self.genes_per_token)
        spans = span_mask(rows, tokens, settings.masked_genes, self.randomness.torch)
        return spread_over(spans, self.genes_per_token, places)

    def _hide_patches(self, rows: int) -> Tensor:
        settings = self.settings
        if settings.masked_patch_weight == 0 or span_length(self.patches, settings.masked_patches) == 0:
            return torch.zeros(rows, 0, dtype=torch.bool)
        return span_mask(rows, self.patches, settings.masked_patches, self.randomness.torch)


def two_views(slices: SliceSet, rows: Tensor, settings: AugmentSettings, generator: torch.Generator) -> list[Tensor]:
    """Two random changes of some slices (B,), each (B, C, S, S)."""
    changes = [sample_augment((len(rows), *slices.images.shape[1:]), settings, generator) for _ in range(2)]
    return [changed_images(slices, rows, change) for change in changes]


def largest_tumours(slices: SliceSet) -> Tensor:
    """Each patient's slice with the most tumour (P,); the first of all for a patient without slices."""
    area = slices.area
    return torch.tensor([own[int(area[own].argmax())] if len(own) else 0 for own in slices.rows_of])


def changed_images(slices: SliceSet, rows: Tensor, augment: AugmentParams) -> Tensor:
    """The images (B, C, S, S) of some slices, changed."""
    if augment.between is None:
        return apply_augment(slices.images, rows, augment)
    between = slices.between(rows, augment.between)[:, :-1]
    return apply_augment(between.contiguous(), torch.arange(len(rows)), augment)


def siblings(patient: Tensor) -> Tensor:
    """For each slice the next one of the same patient, after the last the first: itself where it is the only one.

    `patient` (N,) holds slices patient after patient.
    """
    counts = torch.bincount(patient)
    first = torch.cumsum(counts, 0) - counts
    return first[patient] + (torch.arange(len(patient)) - first[patient] + 1) % counts[patient]


def _slices_of(patient: Tensor, patients: slice) -> slice:
    """Where the slices of consecutive patients lie in a batch."""
    bounds = torch.tensor([patients.start, patients.stop])
    start, stop = torch.searchsorted(patient, bounds).tolist()
    return slice(start, stop)
