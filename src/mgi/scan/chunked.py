"""The selective scan in plain torch, for any device and without a compiler: all chunks of the series advance together.

A series is cut into chunks; every chunk runs from a zero state, states are carried from chunk to chunk with the
chunk's whole decay, and the chunks run again from their right start. Backward is written by hand, in the same way from
the other end. No autograd tape: kept are the inputs, the ungated output and every `KEPT`-th state.

B batch, L tokens, E inner width, N state size, K chunks of T tokens.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad, silu, softplus

from mgi.scan.interface import ScanInput

# States of all chunks together: half a megabyte stays in a core's cache, and is work enough for one torch call.
STATES_ON_CPU, STATES_ELSEWHERE = 2**17, 2**22
KEPT = 16  # one state in so many is kept for the backward pass, the others are computed again


def scan(given: ScanInput) -> Tensor:
    """The state is float32, or float64 where `u` is."""
    scanned: Tensor = _ChunkedScan.apply(*given)  # type: ignore[no-untyped-call]
    return scanned


@dataclass(frozen=True, kw_only=True)
class _Chunks:
    """A scan cut into chunks: dt, driven = dt u (BK, T, E); B, C (BK, T, N); A (N, E)."""

    dt: Tensor
    driven: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    count: int  # K
    reverse: bool

    @property
    def order(self) -> range:
        """Tokens of a chunk in the order of the scan."""
        return range(self.dt.shape[1])[:: -1 if self.reverse else 1]

    def new_state(self) -> Tensor:
        """Zeros (BK, N, E)."""
        return self.dt.new_zeros(len(self.dt), *self.A.shape)

    def decay(self, t: int, out: Tensor) -> Tensor:
        """exp(dt A) of every chunk's token `t`, (BK, N, E)."""
        return torch.mul(self.dt[:, t, None], self.A, out=out).exp_()

    def drive(self, t: int) -> tuple[Tensor, Tensor]:
        """B and dt u of every chunk's token `t`, whose outer product enters the state."""
        return self.B[:, t, :, None], self.driven[:, t, None]

    def carry(self, last: Tensor, *, backwards: bool) -> Tensor:
        """What each chunk starts from, if every one ends at `last` when it starts from zero; (BK, N, E), both."""
        whole = torch.exp(self.dt.sum(1).unsqueeze(1) * self.A).unflatten(0, (-1, self.count))
        ends = last.unflatten(0, (-1, self.count))  # B K N E
        starts = torch.zeros_like(ends)
        for before, chunk in pairwise(range(self.count)[:: -1 if self.reverse != backwards else 1]):
            torch.addcmul(ends[:, before], whole[:, before], starts[:, before], out=starts[:, chunk])
        return starts.flatten(0, 1)


class _ChunkedScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        u, delta, A, B, C, D, z, delta_bias, delta_softplus, reverse = given
        with torch.autocast(u.device.type, enabled=False):
            chunks = _cut(u, _step_size(u, delta, delta_bias, softplus_=delta_softplus), A, B, C, reverse=reverse)
            y, kept = _run(chunks)
            y = _join(y, u)
            if D is not None:
                y.addcmul_(D.to(y.dtype), u.to(y.dtype))
            ctx.save_for_backward(u, delta, A, B, C, D, z, delta_bias, kept, y if z is not None else None)
            ctx.delta_softplus, ctx.reverse = delta_softplus, reverse
            return (y if z is None else y * silu(z.to(y.dtype))).to(u.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, A, B, C, D, z, delta_bias, kept, y = ctx.saved_tensors
        with torch.autocast(u.device.type, enabled=False):
            dt = _step_size(u, delta, delta_bias, softplus_=ctx.delta_softplus)
            wide = u.to(dt.dtype)
            gradient = gradient.to(dt.dtype)
            dz = None
            if z is not None:
                gradient, dz = _through_gate(gradient, z, y)
            chunks = _cut(u, dt, A, B, C, reverse=ctx.reverse)
            d_driven, d_dt, dA, dB, dC = _run_back(chunks, _parts(gradient, chunks.count, len(chunks.order)), kept)
            d_driven, d_dt = _join(d_driven, u), _join(d_dt, u)
            d_delta = d_dt.addcmul_(d_driven, wide)
            if ctx.delta_softplus:
                d_delta.mul_(torch.expm1(-dt).neg_())  # the slope of softplus, from its value
            du = d_driven.mul_(dt)
            if D is not None:
                du.addcmul_(gradient, D.to(dt.dtype))
            return (
                du.to(u.dtype),
                d_delta.to(delta.dtype),
                dA.to(A.dtype),
                _join(dB, u).to(B.dtype),
                _join(dC, u).to(C.dtype),
                None if D is None else (gradient * wide).sum((0, 1)).to(D.dtype),
                dz,
                None if delta_bias is None else d_delta.sum((0, 1)).to(delta_bias.dtype),
                None,
                None,
            )


def _step_size(u: Tensor, delta: Tensor, bias: Tensor | None, *, softplus_: bool) -> Tensor:
    dtype = torch.float64 if u.dtype == torch.float64 else torch.float32
    dt = delta.to(dtype) if bias is None else delta.to(dtype) + bias.to(dtype)
    return softplus(dt) if softplus_ else dt


def _cut(u: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, *, reverse: bool) -> _Chunks:
    """Chunks of equal length; a step of size 0 at the end, in either direction, leaves the state as it is."""
    batch, length, inner = u.shape
    most = STATES_ON_CPU if u.device.type == "cpu" else STATES_ELSEWHERE
    count = max(1, min(most // (batch * inner * A.shape[1]), math.isqrt(length)))
    size = -(-length // count)
    count = -(-length // size)

    dt, driven, B, C = (_parts(series.to(dt.dtype), count, size) for series in (dt, dt * u, B, C))
    return _Chunks(dt=dt, driven=driven, A=A.to(dt.dtype).T.contiguous(), B=B, C=C, count=count, reverse=reverse)


def _parts(series: Tensor, count: int, size: int) -> Tensor:
    """(B, L, anything) to (BK, T, anything), zeros at the end."""
    missing = count * size - series.shape[1]
    series = pad(series, (0, 0, 0, missing)) if missing else series
    return series.reshape(-1, size, series.shape[2])


def _join(parts: Tensor, like: Tensor) -> Tensor:
    """(BK, T, anything) to (B, L, anything)."""
    return parts.reshape(len(like), -1, parts.shape[2])[:, : like.shape[1]]


def _run(chunks: _Chunks) -> tuple[Tensor, Tensor]:
    """The sum over states C h (BK, T, E), and every `KEPT`-th state, before its token."""
    state, product = chunks.new_state(), chunks.new_state()
    if chunks.count > 1:
        for t in chunks.order:
            state.mul_(chunks.decay(t, product)).addcmul_(*chunks.drive(t))
        state = chunks.carry(state, backwards=False)
    y = torch.empty_like(chunks.dt)
    kept = state.new_empty(-(-len(chunks.order) // KEPT), *state.shape)
    for index, t in enumerate(chunks.order):
        if index % KEPT == 0:
            kept[index // KEPT] = state
        state.mul_(chunks.decay(t, product)).addcmul_(*chunks.drive(t))
        torch.sum(torch.mul(state, chunks.C[:, t, :, None], out=product), 1, out=y[:, t])
    return y, kept


def _run_back(chunks: _Chunks, dy: Tensor, kept: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of dt u, of dt in the decay, of A (E, N), of B and of C, all but A's cut into chunks."""
    flow, product = chunks.new_state(), chunks.new_state()  # flow: the gradient of the state
    if chunks.count > 1:
        for t in chunks.order[::-1]:
            flow.addcmul_(chunks.C[:, t, :, None], dy[:, t, None]).mul_(chunks.decay(t, product))
        flow = chunks.carry(flow, backwards=True)
    d_driven, d_dt = torch.empty_like(dy), torch.empty_like(dy)
    dB, dC = (torch.empty(chunks.B.shape, dtype=dy.dtype, device=dy.device) for _ in "BC")
    dA = chunks.new_state()
    states = flow.new_empty(KEPT + 1, *flow.shape)
    decays = flow.new_empty(KEPT, *flow.shape)
    for block in range(len(kept))[::-1]:
        tokens = chunks.order[block * KEPT : (block + 1) * KEPT]
        states[0] = kept[block]
        for index, t in enumerate(tokens):
            chunks.decay(t, decays[index])
            torch.mul(states[index], decays[index], out=states[index + 1]).addcmul_(*chunks.drive(t))
        for index, t in list(enumerate(tokens))[::-1]:
            B, driven = chunks.drive(t)
            dy_t = dy[:, t, None]
            flow.addcmul_(chunks.C[:, t, :, None], dy_t)
            torch.sum(torch.mul(states[index + 1], dy_t, out=product), 2, out=dC[:, t])
            torch.sum(torch.mul(flow, driven, out=product), 2, out=dB[:, t])
            torch.sum(torch.mul(flow, B, out=product), 1, out=d_driven[:, t])
            flow.mul_(decays[index])
            torch.mul(flow, states[index], out=product)  # the gradient of dt A
            dA.addcmul_(product, chunks.dt[:, t, None])
            torch.sum(product.mul_(chunks.A), 1, out=d_dt[:, t])
    return d_driven, d_dt, dA.sum(0).T, dB, dC


def _through_gate(gradient: Tensor, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of the ungated output and of z."""
    wide = z.to(gradient.dtype)
    share = torch.sigmoid(wide)
    gate = wide * share
    return gradient * gate, (gradient * y * (share + gate * (1 - share))).to(z.dtype)
