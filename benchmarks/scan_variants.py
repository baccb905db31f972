"""The selective scan by ours and by others, all on the same numbers, each in the layout that it likes best.

B batch, L tokens, E inner width, N state size. Every variant does the whole of what the Mamba block asks for: softplus
of the step size with its bias, the scan, the skip `D u` and the gate `silu(z)`, and gradients of all eight inputs.
Peers are called where they are installed, and none of their code is here (docs/explanation/peers.md).
"""

import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")
Inputs = dict[str, Tensor]
Scan = Callable[..., Tensor]


def draw_inputs(batch: int, length: int, width: int, state: int, *, dtype: torch.dtype, seed: int = 0) -> Inputs:
    """Inputs as a Mamba block at its start makes them: dt between 0.001 and 0.1, A = -(1 ... N); drawn in float32."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    steps = torch.exp(torch.rand(width, generator=generator) * 4.605 - 6.908)  # 0.001 to 0.1, even in the logarithm
    drawn = {
        "u": normal(batch, length, width),
        "delta": 0.3 * normal(batch, length, width),
        "A": -torch.arange(1, state + 1).float().repeat(width, 1),
        "B": normal(batch, length, state),
        "C": normal(batch, length, state),
        "D": torch.ones(width),
        "z": normal(batch, length, width),
        "delta_bias": steps + torch.log(-torch.expm1(-steps)),  # the inverse of softplus
    }
    return {name: tensor.to(dtype).requires_grad_() for name, tensor in drawn.items()}


def ours(module: str) -> Scan:
    """One of the backends of mgi.scan, by its module."""
    scan = importlib.import_module(f"mgi.scan.{module}").scan

    def run(*, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, **rest: Tensor) -> Tensor:
        output: Tensor = scan(u, delta, A, B, C, **rest, delta_softplus=True, reverse=False)
        return output

    return run


def mambapy() -> Scan:
    """Its parallel scan, with the lines of its block around it: all states of all tokens are materialised."""
    return _around(importlib.import_module("mambapy.pscan").pscan)


def associative_scan() -> Scan:
    """PyTorch's generic associative scan, eager: the only mode of it that runs on a CPU and has gradients."""
    combine = importlib.import_module("torch._higher_order_ops").associative_scan

    def then(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return second[0] * first[0], second[0] * first[1] + second[1]

    def scan(decay: Tensor, added: Tensor) -> Tensor:
        states: Tensor = combine(then, (decay, added), dim=1, combine_mode="generic")[1]
        return states

    return _around(scan)


def _around(scan: Callable[[Tensor, Tensor], Tensor]) -> Scan:
    """All but the recurrence h_t = decay_t h_(t-1) + added_t, for what knows that alone; (B, L, E, N) twice."""

    def run(*, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, **rest: Tensor) -> Tensor:
        dt = softplus(delta + rest["delta_bias"]).unsqueeze(-1)
        states = scan(torch.exp(dt * A), dt * B.unsqueeze(2) * u.unsqueeze(-1))
        y = (states @ C.unsqueeze(-1)).squeeze(3)
        return (y + rest["D"] * u) * silu(rest["z"])

    return run


def mamba_ssm() -> Scan:
    """The reference of mamba-ssm, whose kernels run on CUDA alone; channels first, as it asks.

    Its module imports CUDA and Triton parts that the reference does not use: empty modules stand in for them.
    """
    package = types.ModuleType("mamba_ssm")
    package.__path__ = [f"{folder}/mamba_ssm" for folder in sys.path if folder.endswith("site-packages")]
    norm = types.ModuleType("mamba_ssm.ops.triton.layer_norm")
    norm.__dict__["_layer_norm_fwd"] = None
    stand_ins = {"mamba_ssm": package, norm.__name__: norm, "selective_scan_cuda": types.ModuleType("no_cuda")}
    sys.modules.update(stand_ins)
    reference = importlib.import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_ref

    def run(*, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, **rest: Tensor) -> Tensor:
        output: Tensor = reference(u, delta, A, B, C, **rest, delta_softplus=True)
        return output

    return run


VARIANTS: dict[str, Callable[[], Scan]] = {
    "cpp": lambda: ours("cpu"),
    "torch": lambda: ours("chunked"),
    "loop": lambda: ours("reference"),
    "mambapy": mambapy,
    "mamba_ssm": mamba_ssm,
    "associative_scan": associative_scan,
}
PEERS = ("mambapy", "mamba_ssm")
CHANNELS_FIRST = ("mamba_ssm",)


def arranged(inputs: Inputs, variant: str) -> Inputs:
    """The inputs in the layout that the variant likes best, as leaves."""
    if variant not in CHANNELS_FIRST:
        return inputs
    turned = {
        name: tensor.detach().transpose(1, 2).contiguous() if tensor.ndim == 3 else tensor.detach().clone()
        for name, tensor in inputs.items()
    }
    return {name: tensor.requires_grad_() for name, tensor in turned.items()}


def gradients(output: Tensor, inputs: Inputs, weight: Tensor) -> dict[str, Any]:
    """Gradient of sum(output * weight) with respect to every input."""
    found = torch.autograd.grad(output, [inputs[name] for name in NAMES], weight)
    return dict(zip(NAMES, found, strict=True))
