"""The selective scan on a GPU by Triton kernels of our own: channel-last, without atomics, in one pass where it can be.

B batch, L tokens, E inner width, N state size. The sequences and blocks of channels are as many independent programs;
where they are too few to fill the GPU, L is cut into chunks as well: what each chunk adds to a state, the states that
enter the chunks, then the scan itself. That costs the exponentials twice, hence only then.

Memory beyond the gradients themselves: the forward pass saves a state per tile, B L E N / 16 floats,
and y before its gate in u's type; the backward pass takes 2 B L N floats per block of channels until they are summed.
"""

import contextlib
import importlib.util
import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from mgi.scan.interface import ScanInput

LOG2E = 1.4426950408889634
# Below this many programs of four warps per processor a GPU has nothing to do while they wait.
PROGRAMS_PER_PROCESSOR = 2


@dataclass(frozen=True, kw_only=True)
class Tile:
    """What one program holds at a time; `groups` is also its number of warps."""

    tokens: int
    channels: int
    groups: int


def interpreted() -> bool:
    """Whether Triton interprets kernels on the CPU; it decides when it is imported."""
    return os.environ.get("TRITON_INTERPRET", "0") == "1"


def tile() -> Tile:
    """As compiled for sm_90 without spills; tiny for the interpreter, which goes element by element."""
    return Tile(tokens=4, channels=2, groups=2) if interpreted() else Tile(tokens=16, channels=32, groups=4)


def available() -> str | None:
    """None where the kernels can run, else what is missing."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed (pip install triton; torch for CUDA brings it)"
    if interpreted() or torch.cuda.is_available():
        return None
    return "no CUDA device (TRITON_INTERPRET=1 runs the kernels on the CPU, for tests)"


def processors(device: torch.device) -> int:
    """Streaming multiprocessors of a GPU; 1 for the interpreter, which gains nothing from chunks."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


def scan(given: ScanInput) -> Tensor:
    """y (B, L, E) in u's type. u, delta, z (B, L, E), B, C (B, L, N) bfloat16 or float32; A (E, N), D, bias (E,)."""
    y: Tensor = _Scan.apply(*given)  # type: ignore[no-untyped-call]
    return y


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Sizes of a launch: blocks of channels, tiles of tokens, tiles of a chunk, chunks, padded N."""

    batch: int
    tokens: int
    width: int
    states: int
    blocks: int
    tiles: int
    chunk: int
    chunks: int
    tile: Tile

    @property
    def grid(self) -> tuple[int, int, int]:
        return self.blocks, self.batch, self.chunks

    def settings(self, bc: Tensor) -> dict[str, Any]:
        """What every kernel is specialised to."""
        groups = self.tile.groups
        sizes = {"T": self.tile.tokens, "S": self.tile.channels, "G": groups, "J": self.states // groups}
        return sizes | {"WIDE": bc.dtype == torch.int64, "num_warps": groups, "num_stages": 1}


def plan(batch: int, tokens: int, width: int, states: int, device: torch.device) -> _Plan:
    """Chunks only where sequences and blocks of channels alone leave processors idle."""
    size = tile()
    blocks, tiles = -(-width // size.channels), -(-tokens // size.tokens)
    wanted = -(-PROGRAMS_PER_PROCESSOR * processors(device) // max(blocks * batch, 1))
    chunk = -(-tiles // min(wanted, tiles))
    return _Plan(
        batch=batch,
        tokens=tokens,
        width=width,
        states=max(1 << (states - 1).bit_length(), size.groups),
        blocks=blocks,
        tiles=tiles,
        chunk=chunk,
        chunks=-(-tiles // chunk),
        tile=size,
    )


def pack(B: Tensor, C: Tensor, sizes: _Plan, *, reverse: bool) -> Tensor:
    """B and C in one word each, (B, L padded, N padded), in the order of the scan: int32 from bfloat16, else int64."""
    small = B.dtype == C.dtype == torch.bfloat16
    both = torch.stack((B, C), -1).to(torch.bfloat16 if small else torch.float32)  # B L N 2
    both = both.flip(1) if reverse else both
    rows, columns = sizes.tiles * sizes.tile.tokens - B.shape[1], sizes.states - B.shape[2]
    return pad(both, (0, 0, 0, columns, 0, rows)).contiguous().view(torch.int32 if small else torch.int64).squeeze(-1)


def rows(x: Tensor) -> Tensor:
    """Any strides but along the channels."""
    return x if x.stride(-1) == 1 else x.contiguous()


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        from mgi.scan import triton_kernels as kernels

        u, delta, A, B, C, D, z, bias, softplus, reverse = inputs
        u, delta, z = rows(u), rows(delta), None if z is None else rows(z)
        D, bias = (None if x is None else x.float().contiguous() for x in (D, bias))
        batch, tokens, width = u.shape
        sizes = plan(batch, tokens, width, A.shape[1], u.device)
        bc = pack(B, C, sizes, reverse=reverse)
        a2 = pad(A.float() * LOG2E, (0, sizes.states - A.shape[1])).t().contiguous()
        save = any(ctx.needs_input_grad)
        y, ungated = u.new_empty(u.shape), u.new_empty(u.shape if save and z is not None else 1)
        saved = a2.new_empty((batch, sizes.tiles, *a2.shape) if save else 1)
        ctx.sizes, ctx.softplus, ctx.reverse, ctx.shape = sizes, softplus, reverse, A.shape
        ctx.types = [None if x is None else x.dtype for x in inputs[:8]]
        flags = {"SOFTPLUS": softplus, "REVERSE": reverse, "HAS_Z": z is not None, "HAS_BIAS": bias is not None}
        flags |= sizes.settings(bc)
        with _on(u):
            starts = _starts(sizes, flags, (u, delta, _or(z, u), u), bc, a2, _or(bias, a2), adjoint=False)
            kernels.forward_kernel[sizes.grid](
                u, delta, _or(z, u), bc, a2, _or(D, a2), _or(bias, a2), y, ungated, starts, saved,
                *_strides(u, delta, _or(z, u)), tokens, width, sizes.tiles, sizes.chunk,
                **flags, HAS_D=D is not None, STARTS=sizes.chunks > 1, SAVE=save,
            )  # fmt: skip
        ctx.flags = flags
        ctx.save_for_backward(u, delta, z, bc, a2, D, bias, ungated, saved)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        from mgi.scan import triton_backward

        u, delta, z, bc, a2, D, bias, ungated, saved = ctx.saved_tensors
        sizes, gradient = ctx.sizes, rows(gradients[0])
        du, ddelta = u.new_empty(u.shape), delta.new_empty(delta.shape)
        dz = None if z is None else z.new_empty(z.shape)
        dbc = a2.new_empty(sizes.blocks, *bc.shape, 2)
        dA = a2.new_empty(sizes.batch * sizes.chunks, *a2.shape)
        dD, dbias = (a2.new_empty(len(dA), sizes.width) for _ in range(2))
        with _on(u):
            series = (u, delta, _or(z, u), gradient)
            starts = _starts(sizes, ctx.flags, series, bc, a2, _or(bias, a2), adjoint=True)
            triton_backward.backward_kernel[sizes.grid](
                *series, bc, a2, _or(D, a2), _or(bias, a2), ungated, saved, starts,
                du, ddelta, _or(dz, du), dbc, dA, dD, dbias,
                *_strides(*series), sizes.tokens, sizes.width, sizes.tiles, sizes.chunk,
                **ctx.flags, HAS_D=D is not None, STARTS=sizes.chunks > 1,
            )  # fmt: skip
        states = ctx.shape[1]
        both = dbc.sum(0)[:, : sizes.tokens, :states]  # B L N 2
        dB, dC = (both.flip(1) if ctx.reverse else both).unbind(-1)
        dD, dbias = (None if given is None else share.sum(0) for given, share in ((D, dD), (bias, dbias)))
        found = (du, ddelta, dA.sum(0)[:states].t(), dB, dC, dD, dz, dbias)
        return *(None if x is None else x.to(kind) for x, kind in zip(found, ctx.types, strict=True)), None, None


def _starts(
    sizes: _Plan,
    flags: dict[str, Any],
    series: tuple[Tensor, ...],
    bc: Tensor,
    a2: Tensor,
    bias: Tensor,
    *,
    adjoint: bool,
) -> Tensor:
    """The state that enters every chunk (B, chunks, N, E); a placeholder where there is one chunk."""
    from mgi.scan import triton_kernels as kernels

    if sizes.chunks == 1:
        return a2
    ends = a2.new_empty(sizes.batch, sizes.chunks, *a2.shape)
    steps, starts = a2.new_empty(sizes.batch, sizes.chunks, sizes.width), torch.empty_like(ends)
    kernels.ends_kernel[sizes.grid](
        *series, bc, a2, bias, ends, steps, *_strides(*series), sizes.tokens, sizes.width, sizes.tiles, sizes.chunk,
        **flags, ADJOINT=adjoint,
    )  # fmt: skip
    kernels.carry_kernel[(sizes.blocks, sizes.states, sizes.batch)](
        ends, steps, a2, starts, sizes.chunks, sizes.states, sizes.width, S=sizes.tile.channels, ADJOINT=adjoint,
        num_warps=1,
    )  # fmt: skip
    return starts


def _or(x: Tensor | None, placeholder: Tensor) -> Tensor:
    """A kernel wants a pointer even where it reads nothing."""
    return placeholder if x is None else x


def _strides(*tensors: Tensor) -> list[int]:
    return [stride for tensor in tensors for stride in tensor.stride()[:2]]


def _on(x: Tensor) -> contextlib.AbstractContextManager[Any]:
    """Triton launches on the current device."""
    return torch.cuda.device(x.device) if x.is_cuda else contextlib.nullcontext()
