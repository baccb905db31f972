"""AdamW with groups that learn at their own share of the rate; norms, biases and states are not decayed."""

from dataclasses import dataclass

import torch
from torch import nn

from mgi.training.settings import ScheduleSettings

UNDECAYED = (
    ".bias",
    "A_log",
    "position",
    "pos_embed",
    "null_token",
    "image_code",
    "log_temperature",
    "blend",
    "cls_token",
)


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Modules that share a rate: `rate` of the schedule's, 0 until step `rests_until`."""

    modules: list[nn.Module]
    rate: float = 1.0
    rests_until: int = 0


def make_optimiser(groups: list[ParameterGroup], schedule: ScheduleSettings) -> torch.optim.Optimizer:
    """AdamW over all groups; a parameter in two groups belongs to the first."""
    seen: set[int] = set()
    options = []
    for group in groups:
        decayed: list[nn.Parameter] = []
        undecayed: list[nn.Parameter] = []
        for module in group.modules:
            for name, parameter in module.named_parameters():
                if id(parameter) in seen or not parameter.requires_grad:
                    continue
                seen.add(id(parameter))
                plain = parameter.ndim < 2 or any(word in f".{name}" for word in UNDECAYED)
                plain = plain or getattr(parameter, "_no_weight_decay", False)  # as mamba-ssm marks its states
                (undecayed if plain else decayed).append(parameter)
        shared = {"rate": group.rate, "rests_until": group.rests_until}
        options += [
            {"params": decayed, "weight_decay": schedule.weight_decay, **shared},
            {"params": undecayed, "weight_decay": 0.0, **shared},
        ]
    # Fused: a fifth of the time on a CPU, where the plain one walks over hundreds of small tensors in Python.
    return torch.optim.AdamW([option for option in options if option["params"]], lr=schedule.learning_rate, fused=True)
