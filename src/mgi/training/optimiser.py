"""AdamW with groups that learn at their own share of the rate; norms, biases and states are not decayed."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mgi.training.settings import ScheduleSettings

UNDECAYED = (
    ".bias", "A_log", "position", "pos_embed", "null_token", "image_code", "log_temperature", "blend", "cls_token",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Modules that share a rate: `lr_scale` of the schedule's, 0 until step `frozen_until`."""

    modules: list[nn.Module]
    lr_scale: float = 1.0
    frozen_until: int = 0


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
        shared = {"lr_scale": group.lr_scale, "frozen_until": group.frozen_until}
        options += [
            {"params": decayed, "weight_decay": schedule.weight_decay, **shared},
            {"params": undecayed, "weight_decay": 0.0, **shared},
        ]
    # Fused: a fifth of the time on a CPU, where the plain one walks over hundreds of small tensors in Python.
    options = [option for option in options if option["params"]]
    optimiser = torch.optim.AdamW(options, lr=schedule.learning_rate, fused=True)
    _step_in_memory_order(optimiser)
    return optimiser


def _step_in_memory_order(optimiser: torch.optim.Optimizer) -> None:
    """Have each step see the channels-last weights of a CPU as the plain memory (O, H, W, I) that they are.

    AdamW changes each number by itself, so nothing but time is changed: torch 2.13's fused kernel copies such gradients
    first, which is up to half of a step. Between steps all have their own shapes, so a checkpoint fits any device.
    """
    every = (parameter for group in optimiser.param_groups for parameter in group["params"])
    turned = [parameter for parameter in every if _is_channels_last(parameter)]

    def turn(axes: tuple[int, ...]) -> None:
        for parameter in turned:
            _permute(parameter, optimiser.state[parameter], axes)

    optimiser.register_step_pre_hook(lambda *_: turn((0, 2, 3, 1)))
    optimiser.register_step_post_hook(lambda *_: turn((0, 3, 1, 2)))


def _is_channels_last(parameter: nn.Parameter) -> bool:
    if parameter.ndim != 4 or parameter.device.type != "cpu" or parameter.is_contiguous():
        return False
    return parameter.is_contiguous(memory_format=torch.channels_last)


def _permute(parameter: nn.Parameter, moments: dict[str, Any], axes: tuple[int, ...]) -> None:
    """Weight, gradient and moments alike; the gradient waits aside, as it must have its weight's shape."""
    gradient, parameter.grad = parameter.grad, None
    parameter.data = parameter.data.permute(axes)
    if gradient is not None:
        parameter.grad = gradient.permute(axes)
    for name, value in moments.items():
        if value.ndim == len(axes):  # and not the count of steps
            moments[name] = value.permute(axes)
