"""Kernels that do a scan's arithmetic and nothing else: what no scan on this GPU can be faster than.

Every program runs the recurrence of 16 states for its channels with values made in registers: the same exponentials,
multiplications and additions as `mgi.scan`'s kernels, without loads, stores, shared memory or sums over channels.
"""

import torch
import triton
import triton.language as tl

from mgi.scan import triton_scan
from mgi.scan.triton_kernels import advance, retreat, row, sigmoid, softplus


@triton.jit
def forward_floor_kernel(out, tiles, T: tl.constexpr, S: tl.constexpr, N: tl.constexpr):
    """softplus, gate and N states of S channels, T tokens at a time."""
    lane = tl.program_id(0) * S + tl.arange(0, S)
    raw = (lane * 1e-6)[None, None, :] - 3.0 + tl.arange(0, T)[:, None, None] * 1e-3
    state = ()
    for _ in tl.static_range(N):
        state = state + (tl.zeros((1, 1, S), tl.float32),)
    seen = tl.zeros((T, 1, S), tl.float32)
    for _ in tl.range(0, tiles):
        raw = raw + 1e-7
        dt = softplus(raw)
        y, after = tl.zeros((T, 1, S), tl.float32), ()
        for n in tl.static_range(N):
            h = advance(tl.exp2(dt * (-1.0 - n)), raw * dt, state[n], T)
            y += h * raw
            after = after + (row(h, T - 1, T),)
        state = after
        seen += y * raw * sigmoid(raw)
    tl.store(out + lane[None, None, :], tl.sum(seen, 0, keep_dims=True))


@triton.jit
def backward_floor_kernel(out, tiles, T: tl.constexpr, S: tl.constexpr, N: tl.constexpr):
    """The states again, their gradients, and every product that a gradient is made of."""
    lane = tl.program_id(0) * S + tl.arange(0, S)
    raw = (lane * 1e-6)[None, None, :] - 3.0 + tl.arange(0, T)[:, None, None] * 1e-3
    zero = tl.zeros((1, 1, S), tl.float32)
    handed, dA = (), ()
    for _ in tl.static_range(N):
        handed, dA = handed + (zero,), dA + (zero,)
    seen = tl.zeros((T, 1, S), tl.float32)
    for _ in tl.range(0, tiles):
        raw = raw + 1e-7
        dt, dy = softplus(raw), raw * sigmoid(raw)
        du, ddt, hand, dA_new = seen * 0.0, seen * 0.0, (), ()
        for n in tl.static_range(N):
            decay, drive = tl.exp2(dt * (-1.0 - n)), raw * dt
            h = advance(decay, drive, dA[n], T)
            back, g = retreat(decay, dy * raw, handed[n], T)
            pulled = g * (h - drive)
            du, ddt = du + g * raw + h * dy, ddt + pulled * (-1.0 - n) + g * dt
            dA_new = dA_new + (dA[n] * 0.5 + tl.sum(pulled * dt, 0, keep_dims=True),)
            hand = hand + (row(back, 0, T),)
        handed, dA = hand, dA_new
        seen += du * dt + ddt * sigmoid(raw)
    tl.store(out + lane[None, None, :], tl.sum(seen, 0, keep_dims=True))


def floors(batch: int, tokens: int, width: int, device: torch.device) -> dict[str, object]:
    """Launchers by name. Sequences are cut so that every processor has four warps per scheduler to choose from."""
    size = triton_scan.tile()
    T, S, N, cuts = size.tokens, size.channels, 16, 1 if triton_scan.interpreted() else 8
    programs = batch * -(-width // S) * cuts
    tiles = -(-tokens // (T * cuts))
    out = torch.empty(programs * S, device=device)

    def launch(kernel: object) -> object:
        return lambda: kernel[(programs,)](out, tiles, T=T, S=S, N=N, num_warps=1, num_stages=1)  # type: ignore[index]

    return {"forward": launch(forward_floor_kernel), "backward": launch(backward_floor_kernel)}
