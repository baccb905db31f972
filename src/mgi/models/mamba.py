"""The Mamba block (Gu & Dao 2023, figure 3), with mamba-ssm's parameter names and shapes.

A `state_dict` of `mamba_ssm.Mamba` loads strictly and back. B batch, L tokens, D width, E inner width, N state size,
R rank of the step size.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, silu

from mgi.scan.interface import Backend, selective_scan

DT_MIN, DT_MAX, DT_FLOOR = 1e-3, 1e-1, 1e-4  # range of the initial step size, as in the authors' code


class Mamba(nn.Module):
    """Gated selective state-space layer, (B, L, D) to (B, L, D).

    `bidirectional` adds the scan from the last token to the first, with the same parameters: genes have no causal
    order, and a causal scan leaves early genes without context.
    """

    def __init__(
        self,
        d_model: int,
        *,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        bidirectional: bool = False,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        self.d_inner, self.d_state = expand * d_model, d_state
        self.dt_rank = math.ceil(d_model / 16)
        self.bidirectional, self.backend = bidirectional, backend
        self.in_proj = nn.Linear(d_model, 2 * self.d_inner, bias=False)
        self.conv1d = nn.Conv1d(self.d_inner, self.d_inner, d_conv, groups=self.d_inner, padding=d_conv - 1)
        self.x_proj = nn.Linear(self.d_inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, self.d_inner)
        self.A_log = nn.Parameter(torch.log(torch.arange(1, d_state + 1).float()).repeat(self.d_inner, 1))  # E N
        self.D = nn.Parameter(torch.ones(self.d_inner))
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)
        self._start_with_small_steps()

    def forward(self, x: Tensor) -> Tensor:
        """Mix the tokens; (B, L, D) to (B, L, D)."""
        u, z = self.in_proj(x).chunk(2, dim=-1)  # B L E, twice
        y = self._scan(u, z, reverse=False)
        if self.bidirectional:
            y = y + self._scan(u, z, reverse=True)
        return self.out_proj(y)  # type: ignore[no-any-return]

    def _scan(self, u: Tensor, z: Tensor, *, reverse: bool) -> Tensor:
        u = self._convolve(u, reverse=reverse)
        dt, B, C = self.x_proj(u).split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        delta = dt @ self.dt_proj.weight.T  # B L E; the bias goes into the softplus
        A = -torch.exp(self.A_log.float())
        return selective_scan(
            u, delta, A, B, C, self.D, z, self.dt_proj.bias, True, reverse=reverse, backend=self.backend
        )

    def _convolve(self, u: Tensor, *, reverse: bool) -> Tensor:
        """Depth-wise convolution over each token and those before it (after it, when reversed), then SiLU."""
        width = self.conv1d.kernel_size[0]
        weight = self.conv1d.weight.flip(-1) if reverse else self.conv1d.weight
        pad = (0, width - 1) if reverse else (width - 1, 0)
        padded = nn.functional.pad(u.transpose(1, 2), pad)
        return silu(conv1d(padded, weight, self.conv1d.bias, groups=self.d_inner).transpose(1, 2))

    def _start_with_small_steps(self) -> None:
        nn.init.uniform_(self.dt_proj.weight, -(self.dt_rank**-0.5), self.dt_rank**-0.5)
        steps = torch.exp(torch.rand(self.d_inner) * math.log(DT_MAX / DT_MIN) + math.log(DT_MIN)).clamp(min=DT_FLOOR)
        with torch.no_grad():
            self.dt_proj.bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # inverse of softplus
