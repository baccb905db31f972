"""Batches whose tensors can be put elsewhere: onto a device, or into memory that a GPU reads by itself."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from mgi.datasets.slide_bags import ScanAndSlide, TileBatch

Images = Tensor | TileBatch | ScanAndSlide


def moved(images: Images, move: Callable[[Tensor], Tensor]) -> Images:
    """Images elsewhere."""
    return move(images) if isinstance(images, Tensor) else images.moved(move)


@dataclass(frozen=True, kw_only=True)
class Movable:
    """A batch whose tensors can be put elsewhere."""

    def moved(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The batch with the tensors that go along."""
        tensors: Any = {name: move(value) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **tensors)

    def on(self, device: torch.device) -> Self:
        """The batch on a device; from pinned memory the copy runs beside the computation."""
        return self.moved(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> Self:
        """The batch in memory that a GPU reads by itself."""
        return self.moved(lambda tensor: tensor.pin_memory())
