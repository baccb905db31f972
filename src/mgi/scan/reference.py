"""The selective scan one token after another, with autograd: slow, plain, any dtype; the others are tested against it.

L tokens, E inner width, N state size.
"""

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from mgi.scan.interface import ScanInput


def scan(given: ScanInput) -> Tensor:
    """The recurrence in the dtype of its arguments."""
    u, delta, A, B, C, D, z, delta_bias, delta_softplus, reverse = given
    dt = delta if delta_bias is None else delta + delta_bias
    dt = softplus(dt) if delta_softplus else dt  # B L E
    # Unbound once: indexing `dt[:, t]` in the loop makes the backward pass quadratic in L.
    steps = list(zip(dt.unbind(1), (dt * u).unbind(1), B.unbind(1), C.unbind(1), strict=True))
    state = torch.zeros_like(A).expand(len(u), -1, -1)  # B E N
    outputs: list[Tensor] = []
    for dt_t, driven_t, B_t, C_t in reversed(steps) if reverse else steps:
        state = torch.exp(dt_t.unsqueeze(-1) * A) * state + driven_t.unsqueeze(-1) * B_t.unsqueeze(1)
        outputs.append((state * C_t.unsqueeze(1)).sum(-1))  # B E
    y = torch.stack(outputs[::-1] if reverse else outputs, dim=1)  # B L E
    if D is not None:
        y = y + D * u
    return y if z is None else y * silu(z)
