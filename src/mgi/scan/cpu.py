"""The selective scan and the causal convolution on CPU: a fused C++ kernel, called through ctypes.

float32, channel-last. The same bits for any number of threads (those of torch are used). Saved for backward: the inputs
and one state per channel in 16 steps. B batch, L tokens, E inner width, N states, R rank of the step size, K taps.
"""

import ctypes
import functools
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mgi.core.errors import ConfigError
from mgi.scan import cpu_build
from mgi.scan.interface import ScanInput

HERE = Path(__file__).parent
SOURCES = [HERE / "cpu_kernel.cpp", *sorted(HERE.glob("cpu_*.h"))]


def available() -> str | None:
    """None where the kernel can run; else why not and what to install, in one line. Compiles at the first call."""
    loaded = _load()
    return loaded if isinstance(loaded, str) else None


def scan(given: ScanInput, *, step_weight: Tensor | None = None, tied_decays: bool = False) -> Tensor:
    """y (B, L, E). Shapes are checked before, by `selective_scan`.

    With a `step_weight` (E, R), `given.delta` is (B, L, R) and stands for their product, which is never stored.
    `tied_decays` says that A[:, n] is (n + 1) A[:, 0]. Raises ConfigError for other devices and types, and where there
    is no compiler.
    """
    tensors = {name: value for name, value in given._asdict().items() if isinstance(value, Tensor)}
    if step_weight is not None:
        tensors["step_weight"] = step_weight
    for name, tensor in tensors.items():
        _check(name, tensor)
    _library()
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors.values())
    return _Scan.apply(*given[:8], step_weight, *given[8:], tied_decays, keep)  # type: ignore[no-any-return, no-untyped-call]


def conv_silu(x: Tensor, weight: Tensor, bias: Tensor | None, *, reverse: bool) -> Tensor:
    """silu(bias + sum_k weight[:, 0, k] x[t - K + 1 + k]), or t + K - 1 - k where `reverse`: (B, L, E).

    x (B, L, E), weight (E, 1, K) with K <= 64, bias (E,). Raises ConfigError like `scan`.
    """
    E = x.shape[-1]
    _check("x", x, [*x.shape] if x.dim() == 3 else [-1] * 3)
    _check("weight", weight, [E, 1, min(weight.shape[-1], 64)])
    if bias is not None:
        _check("bias", bias, [E])
    _library()
    return _ConvSilu.apply(x, weight, bias, reverse)  # type: ignore[no-any-return, no-untyped-call]


def _check(name: str, tensor: Tensor, shape: list[int] | None = None) -> None:
    if shape is not None and list(tensor.shape) != shape:
        raise ConfigError(f"model.scan_backend: 'cpp' expected {name} of shape {shape}, found {list(tensor.shape)}")
    if tensor.device.type != "cpu" or tensor.dtype != torch.float32:
        raise ConfigError(
            f"model.scan_backend: 'cpp' needs float32 on the CPU, found {name} in {tensor.dtype} on {tensor.device}"
        )


class _Series(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("batch", ctypes.c_int64), ("time", ctypes.c_int64)]


_COUNTS = ["batch", "length", "channels", "states", "threads", "reverse", "softplus", "rank", "tied"]
_SERIES = ["u", "delta", "z", "B", "C", "y", "du", "ddelta", "dz", "dB", "dC"]
_POINTERS = ["A", "D", "bias", "weight", "saved", "partial", "dA", "dD", "dbias", "partial_low", "dweight"]


class _ScanArgs(ctypes.Structure):
    """`ScanArgs` of cpu_kernel.cpp, field by field."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in _COUNTS),
        *((name, _Series) for name in _SERIES),
        *((name, ctypes.c_void_p) for name in _POINTERS),
    ]


class _ConvArgs(ctypes.Structure):
    """`ConvArgs` of cpu_conv.h, field by field."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("batch", "length", "channels", "taps", "threads", "reverse")),
        *((name, ctypes.c_void_p) for name in ("x", "weight", "bias")),
        *((name, ctypes.c_int64) for name in ("x_batch", "x_time")),
        *((name, ctypes.c_void_p) for name in ("y", "dy")),
        *((name, ctypes.c_int64) for name in ("dy_batch", "dy_time")),
        *((name, ctypes.c_void_p) for name in ("dx", "partial", "dweight")),
    ]


def _declare_and_test(library: ctypes.CDLL) -> str | None:
    """Say what the functions return; then one channel, one state, two steps, against numbers worked out by hand."""
    for name in ("scan_forward", "scan_backward", "conv_forward", "conv_backward"):
        getattr(library, name).restype = None
    for name in ("saved_floats", "partial_groups", "conv_spans"):
        getattr(library, name).restype = ctypes.c_int64
    u, delta, A, B, C, y = (
        torch.tensor(values) for values in ([1.0, 2.0], [1.0, 0.5], [-1.0], [1.0, 1.0], [1.0, 2.0], [0.0, 0.0])
    )
    args = _ScanArgs(batch=1, length=2, channels=1, states=1, threads=1, A=A.data_ptr())
    for name, tensor in (("u", u), ("delta", delta), ("B", B), ("C", C), ("y", y)):
        setattr(args, name, _Series(tensor.data_ptr(), 2, 1))
    library.scan_forward(ctypes.byref(args))
    expected = [1.0, 2.0 * (math.exp(-0.5) + 1.0)]
    found = y.tolist()
    return None if all(abs(a - b) < 1e-6 for a, b in zip(found, expected, strict=True)) else f"{found}, not {expected}"


@functools.cache
def _load() -> ctypes.CDLL | str:
    try:
        return cpu_build.load(SOURCES, _declare_and_test)
    except cpu_build.CannotBuild as reason:
        return str(reason)


def _library() -> ctypes.CDLL:
    loaded = _load()
    if isinstance(loaded, str):
        raise ConfigError(f"model.scan_backend: 'cpp' cannot run here: {loaded.removesuffix(cpu_build.INSTEAD)}")
    return loaded


def _dense_rows(tensor: Tensor) -> Tensor:
    """The tensor itself where the channels of a row are neighbours, else a copy."""
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _series(tensor: Tensor | None) -> _Series:
    return _Series(tensor.data_ptr(), tensor.stride(0), tensor.stride(1)) if tensor is not None else _Series()


def _pointer(tensor: Tensor | None) -> int | None:
    return tensor.data_ptr() if tensor is not None else None


def _arguments(tensors: list[Any], **flags: Any) -> tuple[_ScanArgs, list[Any]]:
    """The call for u, delta, A, B, C, D, z, bias, weight, and the tensors that must live as long as it does."""
    used: list[Any] = [t if t is None else _dense_rows(t.detach()) for t in tensors]
    for i in (2, 5, 7, 8):
        used[i] = used[i] if used[i] is None else used[i].contiguous()
    u, delta, A, B, C, D, z, bias, weight = used
    args = _ScanArgs(
        batch=u.shape[0], length=u.shape[1], channels=u.shape[2], states=A.shape[1],
        threads=torch.get_num_threads(), A=_pointer(A), D=_pointer(D), bias=_pointer(bias), weight=_pointer(weight),
        rank=0 if weight is None else weight.shape[1], **flags,
    )  # fmt: skip
    for name, tensor in (("u", u), ("delta", delta), ("z", z), ("B", B), ("C", C)):
        setattr(args, name, _series(tensor))
    return args, used


def _in_order(parts: Tensor) -> Tensor:
    """The sum over the batch, whatever number of threads torch would take for it."""
    return functools.reduce(torch.add, parts, torch.zeros_like(parts[:1].sum(0)))


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        *tensors, softplus, reverse, tied, keep = inputs
        ctx.flags = {"softplus": softplus, "reverse": reverse, "tied": tied}
        args, tensors = _arguments(tensors, **ctx.flags)
        y = torch.empty(tensors[0].shape)
        args.y = _series(y)
        if keep:
            states = torch.empty(_library().saved_floats(ctypes.byref(args)))
            args.saved = states.data_ptr()
            ctx.save_for_backward(*tensors, states)
        _library().scan_forward(ctypes.byref(args))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> Any:
        # Saved tensors may have moved (checkpointing, offloading): their addresses are taken anew.
        *tensors, states = ctx.saved_tensors
        args, tensors = _arguments(tensors, **ctx.flags)
        u, delta, A, _, _, D, z, bias, weight = tensors
        (batch, length, channels), N = u.shape, A.shape[1]
        dy, du, ddelta = _dense_rows(dy), torch.empty(u.shape), torch.empty(delta.shape)
        dz = torch.empty(u.shape) if z is not None else None
        groups = _library().partial_groups(ctypes.byref(args))
        partial = torch.empty(2, groups, batch, length, -(-N // 4) * 4)
        # One group: its part is the sum.
        dB, dC = torch.empty(2, batch, length, N) if groups > 1 else partial[:, 0, :, :, :N]
        dA = torch.empty(batch, channels, N, dtype=torch.float64)
        dD, dbias = torch.empty(2, batch, channels, dtype=torch.float64)
        dweight = None
        if weight is not None:
            rank = args.rank
            of_groups = torch.empty(groups, batch, length, -(-rank // 4) * 4)
            ddelta = ddelta if groups > 1 else of_groups[0, :, :, :rank]
            dweight = torch.empty(batch, channels, rank, dtype=torch.float64)
            args.partial_low, args.dweight = of_groups.data_ptr(), dweight.data_ptr()
        for name, tensor in (("y", dy), ("du", du), ("ddelta", ddelta), ("dz", dz), ("dB", dB), ("dC", dC)):
            setattr(args, name, _series(tensor))
        args.saved, args.partial = states.data_ptr(), partial.data_ptr()
        args.dA, args.dD, args.dbias = dA.data_ptr(), dD.data_ptr(), dbias.data_ptr()
        _library().scan_backward(ctypes.byref(args))
        sums = [_in_order(part).float() for part in (dA, dD, dbias)]
        return (
            du, ddelta, sums[0], dB, dC,
            sums[1] if D is not None else None, dz, sums[2] if bias is not None else None,
            None if dweight is None else _in_order(dweight).float(),
            None, None, None, None,
        )  # fmt: skip


def _conv_arguments(x: Tensor, taps: Tensor, bias: Tensor | None, reverse: bool) -> _ConvArgs:
    return _ConvArgs(
        batch=x.shape[0], length=x.shape[1], channels=x.shape[2], taps=len(taps),
        threads=torch.get_num_threads(), reverse=reverse,
        x=x.data_ptr(), x_batch=x.stride(0), x_time=x.stride(1), weight=taps.data_ptr(), bias=_pointer(bias),
    )  # fmt: skip


class _ConvSilu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, reverse: bool) -> Tensor:
        x, y = _dense_rows(x.detach()), torch.empty(x.shape)
        taps = weight.detach()[:, 0].t().contiguous()  # K E
        bias = bias.detach().contiguous() if bias is not None else None
        args = _conv_arguments(x, taps, bias, reverse)
        args.y = y.data_ptr()
        _library().conv_forward(ctypes.byref(args))
        ctx.save_for_backward(x, taps, bias)
        ctx.reverse = reverse
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, taps, bias = ctx.saved_tensors
        x, taps, dy = _dense_rows(x), taps.contiguous(), _dense_rows(dy)
        args, dx = _conv_arguments(x, taps, bias, ctx.reverse), torch.empty(x.shape)
        spans = _library().conv_spans(ctypes.byref(args))
        partial = torch.empty(args.batch, spans, args.taps + 1, args.channels, dtype=torch.float64)
        sums = torch.empty(args.taps + 1, args.channels)
        args.dy, args.dy_batch, args.dy_time = dy.data_ptr(), dy.stride(0), dy.stride(1)
        args.dx, args.partial, args.dweight = dx.data_ptr(), partial.data_ptr(), sums.data_ptr()
        _library().conv_backward(ctypes.byref(args))
        return dx, sums[:-1].t().unsqueeze(1), sums[-1] if bias is not None else None, None
