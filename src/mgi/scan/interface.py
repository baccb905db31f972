"""The selective scan of Mamba (Gu & Dao 2023, algorithm 2) under one signature, and the choice of what computes it.

B batch, L tokens, E inner width, N state size.
"""

import logging
import os
from functools import cache
from importlib import import_module
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from mgi.core.errors import ConfigError

Backend = Literal["auto", "cpp", "triton", "torch", "mamba_ssm", "reference"]
ENVIRONMENT = "MGI_SCAN_BACKEND"  # takes the place of `auto`
MODULES = {
    "cpp": "mgi.scan.cpu",
    "triton": "mgi.scan.triton_scan",
    "torch": "mgi.scan.chunked",
    "mamba_ssm": "mgi.scan.mamba_kernel",
    "reference": "mgi.scan.reference",
}
DEVICES = {"cpp": "cpu", "triton": "cuda", "mamba_ssm": "cuda"}
PREFERRED = {"cpu": ("cpp", "torch"), "cuda": ("triton", "mamba_ssm", "torch")}
# Tokens from which on the CPU kernel reads the two factors of the step size instead of their product (B, L, E). A
# shorter product stays in the cache and costs nothing, and its results keep the bits that they have had.
FACTORS_FROM = 2048
LOG = logging.getLogger(__name__)


class ScanInput(NamedTuple):
    """What a scan reads, in the order of mamba-ssm's parameters; channel-last, strides are free.

    u, delta, z (B, L, E); A (E, N); B, C (B, L, N); D, delta_bias (E,).
    """

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor | None = None
    z: Tensor | None = None
    delta_bias: Tensor | None = None
    delta_softplus: bool = False
    reverse: bool = False


def selective_scan(
    given: ScanInput, backend: Backend = "auto", *, step_weight: Tensor | None = None, tied_decays: bool = False
) -> Tensor:
    """h_t = exp(dt_t A) h_(t-1) + dt_t B_t u_t;  y_t = (C_t h_t + D u_t) silu(z_t), with dt = delta + delta_bias.

    Returns y (B, L, E). `delta_softplus` takes the softplus of dt, `reverse` runs from the last token to the first.
    With a `step_weight` (E, R), `given.delta` is (B, L, R) and the delta above is delta step_weight^T; on long series
    the CPU kernel never stores that product, the other backends do. `tied_decays` promises that A[:, n] is
    (n + 1) A[:, 0]: the CPU kernel takes one exponential a channel then, the others N.
    Differentiable in every tensor. Raises ConfigError where a backend that was asked for by name cannot run.
    """
    _check(given, step_weight)
    name = choose_backend(backend, given.u.device.type, given.u.dtype)
    if step_weight is not None and (name != "cpp" or given.u.shape[1] < FACTORS_FROM):
        given, step_weight = given._replace(delta=given.delta @ step_weight.T), None  # B L E
    module = import_module(MODULES[name])
    more = {"step_weight": step_weight, "tied_decays": tied_decays} if name == "cpp" else {}
    y: Tensor = module.scan(given, **more)
    return y


def choose_backend(backend: Backend, device: str, dtype: torch.dtype = torch.float32) -> str:
    """The name of the backend that will run; `auto` says on one log line, once a device, which it took.

    `auto` is torch, silently, where no kernel takes the dtype: float64, and anything but float32 on the CPU.
    """
    wanted = os.environ.get(ENVIRONMENT, "auto") if backend == "auto" else backend
    if wanted == "auto":
        fits = dtype == torch.float32 or (device == "cuda" and dtype != torch.float64)
        return _automatic(device) if fits else "torch"
    asked = "model.scan_backend" if backend != "auto" else ENVIRONMENT
    if wanted not in MODULES:
        raise ConfigError(f"{asked}: found '{wanted}', expected one of auto, {', '.join(MODULES)}")
    reason = why_not(wanted, device)
    if reason is not None:
        raise ConfigError(f"{asked}: '{wanted}' cannot run on device '{device}': {reason}")
    return wanted


@cache
def why_not(name: str, device: str) -> str | None:
    """None if the backend can run on this kind of device, else why not; asked once, since it may compile."""
    interpreted = name == "triton" and os.environ.get("TRITON_INTERPRET") == "1"
    if DEVICES.get(name, device) != device and not interpreted:
        return f"it needs device '{DEVICES[name]}'"
    try:
        module = import_module(MODULES[name])
    except ImportError as error:  # triton has no wheel for every system
        return str(error)
    reason: str | None = module.available() if name in DEVICES else None
    return reason


@cache
def _automatic(device: str) -> str:
    passed_over = []
    for name in PREFERRED.get(device, ("torch",)):
        reason = why_not(name, device)
        if reason is None:
            break
        passed_over.append(f"{name}: {reason}")
    slow = name == "torch" and passed_over
    instead = f"; a faster one is missing ({'; '.join(passed_over)})" if slow else ""
    LOG.log(logging.WARNING if slow else logging.INFO, "selective scan on %s: backend %s%s", device, name, instead)
    return name


def _check(given: ScanInput, step_weight: Tensor | None) -> None:
    """Kernels read raw memory: a wrong shape or device has to stop here."""
    u, states = given.u, given.A.shape[-1]
    if u.ndim != 3 or 0 in u.shape:
        raise ValueError(f"u: shape {tuple(u.shape)}, expected (B, L, E), none of them 0")
    batch, length, inner = u.shape
    series, states_series = (batch, length, inner), (batch, length, states)
    expected = {"delta": series, "z": series, "A": (inner, states), "B": states_series, "C": states_series}
    if step_weight is not None:
        rank = step_weight.shape[-1]
        expected |= {"delta": (batch, length, rank), "step_weight": (inner, rank)}
    for name, tensor in {**given._asdict(), "step_weight": step_weight}.items():
        shape = expected.get(name, (inner,))
        if name != "u" and isinstance(tensor, Tensor) and (tuple(tensor.shape) != shape or tensor.device != u.device):
            found = f"shape {tuple(tensor.shape)} on {tensor.device}"
            raise ValueError(f"{name}: {found}, expected {shape} on {u.device}")
