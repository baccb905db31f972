"""The selective scan of Mamba (Gu & Dao 2023, algorithm 2): one signature, several backends.

B batch, L tokens, E inner width, N state size.
"""

import importlib.util
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from mgi.core.errors import ConfigError

Backend = Literal["auto", "torch", "mamba_ssm"]


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    *,
    D: Tensor,
    z: Tensor,
    delta_bias: Tensor,
    reverse: bool = False,
    backend: Backend = "auto",
) -> Tensor:
    """h_t = exp(dt A) h_(t-1) + dt B_t u_t;  y_t = (C_t h_t + D u_t) silu(z_t), with dt = softplus(delta + bias).

    Channel-last shapes: u, delta, z (B, L, E); A (E, N); B, C (B, L, N); D, delta_bias (E,). `reverse` runs from the
    last token to the first. Raises ConfigError where a backend that was asked for by name is not installed.
    """
    if choose_backend(backend, u.device.type) == "mamba_ssm":
        return _scan_mamba_ssm(u, delta, A, B, C, D=D, z=z, delta_bias=delta_bias, reverse=reverse)
    return _scan_torch(u, delta, A, B, C, D=D, z=z, delta_bias=delta_bias, reverse=reverse)


def choose_backend(backend: Backend, device: str) -> Literal["torch", "mamba_ssm"]:
    """The backend that will run: mamba-ssm's kernel on CUDA where it is installed, else plain torch."""
    installed = importlib.util.find_spec("selective_scan_cuda") is not None
    if backend == "mamba_ssm":
        if not installed or device != "cuda":
            raise ConfigError(
                "model.scan_backend: 'mamba_ssm' needs a CUDA device and mamba-ssm "
                "(pip install --no-build-isolation 'mgi[gpu]', or envs/train-gpu.yaml); found "
                f"device '{device}' and mamba-ssm {'present' if installed else 'absent'}"
            )
        return "mamba_ssm"
    return "mamba_ssm" if backend == "auto" and installed and device == "cuda" else "torch"


def _scan_torch(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    *,
    D: Tensor,
    z: Tensor,
    delta_bias: Tensor,
    reverse: bool,
) -> Tensor:
    dt = softplus(delta + delta_bias)  # B L E
    decay = torch.exp(dt.unsqueeze(-1) * A)  # B L E N
    drive = (dt * u).unsqueeze(-1) * B.unsqueeze(2)  # B L E N
    # Unbound once: indexing `decay[:, t]` in the loop makes the backward pass quadratic in L.
    steps = list(zip(decay.unbind(1), drive.unbind(1), C.unbind(1), strict=True))
    state = torch.zeros_like(steps[0][0])  # B E N
    outputs: list[Tensor] = []
    for decay_t, drive_t, C_t in reversed(steps) if reverse else steps:
        state = decay_t * state + drive_t
        outputs.append((state * C_t.unsqueeze(1)).sum(-1))  # B E
    y = torch.stack(outputs[::-1] if reverse else outputs, dim=1)  # B L E
    return (y + D * u) * silu(z)


def _scan_mamba_ssm(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    *,
    D: Tensor,
    z: Tensor,
    delta_bias: Tensor,
    reverse: bool,
) -> Tensor:
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    # The kernel wants (B, E, L) and runs forwards only.
    series = [tensor.flip(1) if reverse else tensor for tensor in (u, delta, B, C, z)]
    u_, delta_, B_, C_, z_ = (tensor.transpose(1, 2).contiguous() for tensor in series)
    y = selective_scan_fn(
        u_, delta_, A.float(), B_, C_, D.float(), z=z_, delta_bias=delta_bias.float(), delta_softplus=True
    ).transpose(1, 2)
    return y.flip(1) if reverse else y  # type: ignore[no-any-return]
