"""What a training run has besides its model: its place, identity, generators, processes, and what may stop it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mgi.training.distributed import ALONE, Group
from mgi.training.preemption import StopRequest


@dataclass(frozen=True, kw_only=True)
class Randomness:
    """The two generators of a run; their states are part of every checkpoint, as are those of torch itself."""

    numpy: np.random.Generator
    torch: torch.Generator

    @staticmethod
    def seeded(seed: int) -> "Randomness":
        """Both generators from one seed; torch's global ones too, for initial weights and dropout."""
        torch.manual_seed(seed)
        return Randomness(numpy=np.random.default_rng(seed), torch=torch.Generator().manual_seed(seed))

    def own_state(self) -> dict[str, Any]:
        """Where the two generators stand."""
        return {"numpy": self.numpy.bit_generator.state, "torch": self.torch.get_state()}

    @staticmethod
    def global_state() -> dict[str, Any]:
        """Where torch's own generators stand: the CPU's, and the GPU's where one is in use."""
        on_gpu = {"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_initialized() else {}
        return {"global": torch.get_rng_state(), **on_gpu}

    def state(self) -> dict[str, Any]:
        """What `restore` takes."""
        return self.own_state() | self.global_state()

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        self.numpy.bit_generator.state = state["numpy"]
        self.torch.set_state(state["torch"])
        torch.set_rng_state(state["global"])
        if "cuda" in state and torch.cuda.is_initialized():
            torch.cuda.set_rng_state(state["cuda"])


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """Where a run keeps its checkpoints, what it is (so that no other run's is resumed), its randomness and genes.

    Of several processes in `group` each does a part; `stop` tells whether one was asked to end.
    """

    checkpoints: Path
    identity: str
    randomness: Randomness
    genes: Sequence[str] = ()
    group: Group = ALONE
    stop: StopRequest = field(default_factory=StopRequest)
