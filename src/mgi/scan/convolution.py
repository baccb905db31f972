"""The short convolution in front of the scan: depth-wise, causal, followed by SiLU; channel-last like the scan.

B batch, L tokens, E channels, W taps.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import silu

from mgi.scan.interface import MODULES, Backend, choose_backend


def conv_silu(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, reverse: bool = False, backend: Backend = "auto"
) -> Tensor:
    """SiLU of each channel's sum over a token and the W - 1 before it (after it, when reversed); (B, L, E).

    `weight` is that of nn.Conv1d, (E, 1, W), its last tap for the token itself; `bias` (E,). All have gradients.
    """
    if choose_backend(backend, x.device.type, x.dtype) == "cpp":
        fused: Tensor = import_module(MODULES["cpp"]).conv_silu(x, weight, bias, reverse=reverse)
        return fused
    summed: Tensor = _ShiftedSums.apply(x, weight, bias, reverse)  # type: ignore[no-untyped-call]
    return summed


class _ShiftedSums(torch.autograd.Function):
    """W shifted multiply-adds, on the CPU about twice as fast as conv1d with its two transpositions."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, reverse: bool) -> Tensor:
        ctx.save_for_backward(x, weight, bias)
        ctx.reverse = reverse
        return silu(_sum(x, weight, bias, reverse=reverse)).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias = ctx.saved_tensors
        summed = _sum(x, weight, bias, reverse=ctx.reverse)
        share = torch.sigmoid(summed)
        d_sum = gradient * share * (1 + summed * (1 - share))
        dx, dw = torch.zeros_like(d_sum), torch.zeros_like(weight)
        for tap, here, there in _taps(weight, x.shape[1], reverse=ctx.reverse):
            dx[:, there].addcmul_(d_sum[:, here], weight[:, 0, tap])
            dw[:, 0, tap] = (d_sum[:, here] * x[:, there]).sum((0, 1))
        return dx.to(x.dtype), dw, None if bias is None else d_sum.sum((0, 1)).to(bias.dtype), None


def _sum(x: Tensor, weight: Tensor, bias: Tensor | None, *, reverse: bool) -> Tensor:
    summed = x * weight[:, 0, -1]
    for tap, here, there in _taps(weight, x.shape[1], reverse=reverse):
        if tap != weight.shape[2] - 1:
            summed[:, here].addcmul_(x[:, there], weight[:, 0, tap])
    return summed if bias is None else summed.add_(bias)


def _taps(weight: Tensor, length: int, *, reverse: bool) -> Iterator[tuple[int, slice, slice]]:
    """Each tap with the tokens whose sum it enters and the tokens that it reads."""
    for tap in range(weight.shape[2]):
        lag = min(weight.shape[2] - 1 - tap, length)
        late, early = slice(lag, length), slice(0, length - lag)
        yield (tap, early, late) if reverse else (tap, late, early)
