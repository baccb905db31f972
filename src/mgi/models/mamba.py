"""The Mamba block (Gu & Dao 2023, figure 3), with mamba-ssm's parameter names, shapes and keywords.

A `state_dict` of `mamba_ssm.Mamba` loads strictly and back, unless decays are tied.
B batch, L tokens, D width, E inner width, N state size, R rank of the step size.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from mgi.scan.convolution import conv_silu
from mgi.scan.interface import Backend, ScanInput, selective_scan


class Mamba(nn.Module):
    """Gated selective state-space layer, (B, L, D) to (B, L, D).

    The keywords up to `bias` are those of `mamba_ssm.Mamba`. `bidirectional` adds the scan from the last token to the
    first, with the same parameters: genes have no causal order, and a causal scan leaves early genes without context.
    `tied_decays` learns one rate a channel instead of one for each of its states: A[:, n] is (n + 1) A[:, 0], as it is
    at the start of every Mamba, so the network starts alike, and a scan on a CPU takes one exponential instead of N.

    >>> Mamba(d_model=8, d_state=4)(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        dt_rank: int | Literal["auto"] = "auto",
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        dt_init: Literal["random", "constant"] = "random",
        dt_scale: float = 1.0,
        dt_init_floor: float = 1e-4,
        conv_bias: bool = True,
        bias: bool = False,
        *,
        bidirectional: bool = False,
        tied_decays: bool = False,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        self.d_inner, self.d_state = int(expand * d_model), d_state
        self.dt_rank = math.ceil(d_model / 16) if dt_rank == "auto" else dt_rank
        self.bidirectional, self.tied_decays, self.backend = bidirectional, tied_decays, backend
        self.in_proj = nn.Linear(d_model, 2 * self.d_inner, bias=bias)
        self.conv1d = nn.Conv1d(
            self.d_inner, self.d_inner, d_conv, groups=self.d_inner, padding=d_conv - 1, bias=conv_bias
        )
        self.x_proj = nn.Linear(self.d_inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, self.d_inner)
        rates = torch.arange(1, (1 if tied_decays else d_state) + 1).float()
        self.A_log = nn.Parameter(torch.log(rates).repeat(self.d_inner, 1))  # E N, tied: E 1
        self.D = nn.Parameter(torch.ones(self.d_inner))
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=bias)
        self.A_log._no_weight_decay = self.D._no_weight_decay = True  # type: ignore[attr-defined]
        self._start_with_small_steps(dt_init, dt_scale, dt_min, dt_max, dt_init_floor)

    def forward(self, x: Tensor) -> Tensor:
        """Mix the tokens; (B, L, D) to (B, L, D)."""
        # Two products instead of the halves of one: backward would first join the gradients, a copy of (B, L, 2 E).
        bias: Tensor | None = self.in_proj.bias
        biases = (None, None) if bias is None else bias.chunk(2)
        u, z = (linear(x, half, b) for half, b in zip(self.in_proj.weight.chunk(2), biases, strict=True))  # B L E
        y = self._scan(u, z, reverse=False)
        if self.bidirectional:
            y = y + self._scan(u, z, reverse=True)
        return self.out_proj(y)  # type: ignore[no-any-return]

    def _scan(self, u: Tensor, z: Tensor, *, reverse: bool) -> Tensor:
        u = conv_silu(u, self.conv1d.weight, self.conv1d.bias, reverse=reverse, backend=self.backend)
        low, B, C = self.x_proj(u).split([self.dt_rank, self.d_state, self.d_state], dim=-1)  # low: B L R
        A = -torch.exp(self.A_log.to(torch.promote_types(self.A_log.dtype, torch.float32)))
        if self.tied_decays:
            A = A * torch.arange(1, self.d_state + 1, dtype=A.dtype, device=A.device)  # E N
        # The scan multiplies by dt_proj's weight; its bias goes into the softplus.
        given = ScanInput(u, low, A, B, C, self.D, z, self.dt_proj.bias, True, reverse)
        return selective_scan(given, self.backend, step_weight=self.dt_proj.weight, tied_decays=self.tied_decays)

    def _start_with_small_steps(self, kind: str, scale: float, smallest: float, largest: float, floor: float) -> None:
        """Step sizes spread over `smallest` to `largest`, as the authors' code draws them."""
        deviation = self.dt_rank**-0.5 * scale
        if kind == "constant":
            nn.init.constant_(self.dt_proj.weight, deviation)
        elif kind == "random":
            nn.init.uniform_(self.dt_proj.weight, -deviation, deviation)
        else:
            raise ValueError(f"dt_init: found '{kind}', expected random or constant")
        share = torch.rand(self.d_inner)
        steps = torch.exp(share * (math.log(largest) - math.log(smallest)) + math.log(smallest)).clamp(min=floor)
        with torch.no_grad():
            self.dt_proj.bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # inverse of softplus
        self.dt_proj.bias._no_reinit = True  # type: ignore[attr-defined]
