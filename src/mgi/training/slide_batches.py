"""One batch of pre-training on slides: parts of patients' slides, what of them is hidden, and the patients' modalities.

P patients, V parts of each one's slide, N = P V parts in all, n tiles of the longest part.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from mgi.datasets.batches import run_mask
from mgi.datasets.modality_tables import ModalityTables
from mgi.datasets.slide_bags import SlideBags, TileBatch
from mgi.training.multimodal_batches import ModalityDrawer, ModalityRows
from mgi.training.pretrain_batches import siblings


@dataclass(frozen=True, kw_only=True)
class SlidePairs:
    """Slides and the modalities of the same patients, in the same order; every patient has a slide."""

    bags: SlideBags
    tables: ModalityTables

    def __len__(self) -> int:
        """The number of patients."""
        return len(self.bags)

    def digest(self) -> str:
        """SHA-256 of what tells the data from others, so that a checkpoint of other data is never resumed."""
        digest = hashlib.sha256(self.tables.digest().encode())
        for part in self.bags.identity():
            digest.update(part)
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class SlideBatch:
    """Tiles (N, n, E), places (N, n, 2), which are real (N, n) and which `hidden` (N, n), of parts of slides.

    `patient` (N,) is the patient of every part and `sibling` (N,) the next part of the same one. `modalities` are rows
    of those that any patient has; patients with an image are numbered from 0, those without from `imaged` on.
    """

    tiles: Tensor
    places: Tensor
    real: Tensor
    hidden: Tensor
    patient: Tensor
    sibling: Tensor
    imaged: int
    modalities: Mapping[str, ModalityRows]

    def moved(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The batch with its tensors elsewhere."""
        tensors: Any = {name: move(value) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, modalities={name: one.moved(move) for name, one in self.modalities.items()}, **tensors)

    def on(self, device: torch.device) -> Self:
        """The batch on a device; from pinned memory the copy runs beside the computation."""
        return self.moved(lambda tensor: tensor.to(device, non_blocking=True))


@dataclass(frozen=True, kw_only=True)
class SlideDrawer:
    """Draws batch after batch with the generators of `modalities`; with `pin` batches lie in pinned memory.

    A part of a slide has at most `max_tiles` tiles.
    """

    training: SlidePairs
    modalities: ModalityDrawer
    max_tiles: int
    pin: bool = False

    def __call__(self, step: int) -> SlideBatch:
        """The next batch; `step` does not matter."""
        settings, randomness = self.modalities.settings, self.modalities.randomness
        size, parts = settings.schedule.batch, settings.slices_per_patient
        chosen = torch.from_numpy(randomness.numpy.permutation(len(self.training))[:size])
        seen = self.training.bags.drawn(chosen, self.max_tiles, randomness.numpy, parts)
        patient = torch.arange(len(chosen)).repeat_interleave(parts)
        batch = SlideBatch(
            tiles=seen.tiles,
            places=seen.places,
            real=seen.real,
            hidden=hidden_run(seen, settings.masked_patches, randomness.torch),
            patient=patient,
            sibling=siblings(patient),
            imaged=len(chosen),
            modalities=self.modalities(chosen),
        )
        return batch.moved(lambda tensor: tensor.pin_memory()) if self.pin else batch


def hidden_run(seen: TileBatch, share: float, generator: torch.Generator) -> Tensor:
    """One run (N, n) of the tiles of each slide in raster order: a strip of neighbouring tissue."""
    return run_mask(seen.real.sum(1), seen.real.shape[1], share, generator)
