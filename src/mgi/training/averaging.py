"""The running average of a model's weights over the steps, which is what is validated and kept where it is wanted.

Izmailov et al. 2018 average over the end of a run; the exponential form here has no end to choose. torch's own
`swa_utils.AveragedModel` gives the same numbers with a `multi_avg_fn` that begins quickly, but it holds a second model
and walks over all modules in each step: for a U-Net 5.9 ms a step on one core, against 0.4 ms here.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

EARLY = 10  # steps after which the average has its first tenth: a start from noise is soon forgotten


class WeightAverage:
    """Exponential average of a model's weights and buffers, `decay` a step; with 0 the model itself, at no cost.

    The model stays on its device, with the tensors that it has.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay, self.updates = model, decay, 0
        # A step writes into the model's own tensors, so they are asked for once, and not by a walk over all modules.
        self._current = model.state_dict() if decay > 0 else {}
        self.tensors = {name: tensor.clone() for name, tensor in self._current.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the model's weights after a step."""
        if not self.tensors:
            return
        self.updates += 1
        decay = min(self.decay, self.updates / (EARLY + self.updates))
        averaged: list[Tensor] = []
        current: list[Tensor] = []
        for name, tensor in self._current.items():
            if tensor.is_floating_point():
                averaged.append(self.tensors[name])
                current.append(tensor)
            else:  # a counter of batches
                self.tensors[name].copy_(tensor)
        torch._foreach_lerp_(averaged, current, 1 - decay)

    @contextmanager
    def in_place(self) -> Generator[None]:
        """The model has the averaged weights within, and its own again after."""
        if not self.tensors:
            yield
            return
        own = {name: tensor.clone() for name, tensor in self._current.items()}
        self.model.load_state_dict(self.tensors)
        try:
            yield
        finally:
            self.model.load_state_dict(own)

    def state(self) -> dict[str, Any]:
        """What `restore` takes."""
        return {"tensors": self.tensors, "updates": self.updates}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.updates = state["updates"]
        self.tensors = {name: state["tensors"][name].to(own.device) for name, own in self.tensors.items()}
