"""In which numbers networks compute: float32, or bfloat16 with parameters and scan states in float32, on a GPU."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Literal

import torch

from mgi.core.errors import ConfigError


def precision_of(
    precision: Literal["float32", "bf16"], device: torch.device, *, where: str
) -> Callable[[], AbstractContextManager[Any]]:
    """Makes the context in which a step runs forward.

    Raises ConfigError for bf16 on anything but a GPU: most CPUs have no instructions for it, and take far longer.
    """
    if precision == "float32":
        return nullcontext
    if device.type != "cuda":
        raise ConfigError(f"{where}.precision: bf16 needs a GPU, found device '{device.type}'; set float32")
    return partial(torch.autocast, device.type, torch.bfloat16)
