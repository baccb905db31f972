"""The Triton kernels against a sequential scan in float64, run by Triton's interpreter on the CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

pytest.importorskip("triton")

from mgi.scan import triton_scan
from mgi.scan.interface import ScanInput

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


def by_rows(operation: Any, inputs: Sequence[Any]) -> list[tuple[np.ndarray, ...]]:
    """The running combination along the operation's axis, a row at a time."""
    rows = zip(*(np.moveaxis(x.handle.data, operation.axis, 0) for x in inputs), strict=True)
    kinds = [x.dtype for x in inputs] * 2
    found = [next(rows)]
    for row in rows:
        both = [operation.to_tensor(x, kind) for x, kind in zip((*found[-1], *row), kinds, strict=True)]
        combined = operation.combine_fn.fn(*both)
        found.append(tuple(x.handle.data for x in (combined if isinstance(combined, tuple) else (combined,))))
    return found


@pytest.fixture(autouse=True)
def _interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton's interpreter, with two of its delays taken out, or the tests take minutes.

    It combines element by element in Python, here row by row, and patches `triton.language` at every call of a device
    function as well, though the kernel's own patch is still there.
    """
    if not triton_scan.interpreted():
        pytest.skip("TRITON_INTERPRET is not 1")
    from triton.runtime import interpreter

    def scan(self: Any, inputs: Sequence[Any]) -> list[Any]:
        columns = zip(*by_rows(self, inputs), strict=True)
        return [self.to_tensor(np.stack(x, self.axis), y.dtype) for x, y in zip(columns, inputs, strict=True)]

    def reduce(self: Any, inputs: Sequence[Any]) -> list[Any]:
        last = [np.expand_dims(x, self.axis) if self.keep_dims else x for x in by_rows(self, inputs)[-1]]
        return [self.to_tensor(x, y.dtype) for x, y in zip(last, inputs, strict=True)]

    patching_call = interpreter.InterpretedFunction.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        ours = self.fn.__module__.startswith("mgi.")
        return self.rewrite()(*args, **kwargs) if ours else patching_call(self, *args, **kwargs)

    monkeypatch.setattr(interpreter.InterpretedFunction, "__call__", call)
    monkeypatch.setattr(interpreter.ScanOps, "generic_scan", scan)
    monkeypatch.setattr(interpreter.ReduceOps, "generic_reduce", reduce)


def inputs(batch: int = 2, tokens: int = 11, width: int = 10, states: int = 3, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return {
        "u": normal(batch, tokens, width),
        "delta": normal(batch, tokens, width),
        "A": -torch.exp(0.5 * normal(width, states)),
        "B": normal(batch, tokens, states),
        "C": normal(batch, tokens, states),
        "D": normal(width),
        "z": normal(batch, tokens, width),
        "delta_bias": 0.5 * normal(width),
    }


def sequential(given: dict[str, Tensor], *, reverse: bool, delta_softplus: bool = True) -> Tensor:
    """Algorithm 2 of Gu & Dao 2023, step by step."""
    u, delta, A, B, C, *_ = given.values()
    dt = delta + given["delta_bias"] if "delta_bias" in given else delta
    dt = softplus(dt) if delta_softplus else dt
    steps = range(u.shape[1])
    h = u.new_zeros(u.shape[0], *A.shape)
    y = {}
    for t in reversed(steps) if reverse else steps:
        h = torch.exp(dt[:, t, :, None] * A) * h + (dt * u)[:, t, :, None] * B[:, t, None, :]
        y[t] = (h * C[:, t, None, :]).sum(-1)
    out = torch.stack([y[t] for t in steps], 1)
    out = out + given["D"] * u if "D" in given else out
    return out * silu(given["z"]) if "z" in given else out


def run(given: dict[str, Tensor], *, reverse: bool, delta_softplus: bool = True) -> Tensor:
    arguments = {name: given.get(name) for name in NAMES}
    return triton_scan.scan(ScanInput(**arguments, delta_softplus=delta_softplus, reverse=reverse))  # type: ignore[arg-type]


def compare(given: dict[str, Tensor], *, reverse: bool, delta_softplus: bool = True, tolerance: float = 2e-6) -> None:
    """y and every gradient, relative to the largest of its kind."""
    ours = {name: x.clone().requires_grad_() for name, x in given.items()}
    true = {name: x.double().requires_grad_() for name, x in given.items()}
    y = run(ours, reverse=reverse, delta_softplus=delta_softplus)
    expected = sequential(true, reverse=reverse, delta_softplus=delta_softplus)
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(9)).to(y.dtype)
    (y * weight).sum().backward()
    (expected * weight.double()).sum().backward()
    errors = {"y": (y.double() - expected).abs().max() / expected.abs().max()}
    for name, x in true.items():
        gradient = ours[name].grad
        assert gradient is not None
        assert gradient.dtype == ours[name].dtype
        assert x.grad is not None
        errors[name] = (gradient.double() - x.grad).abs().max() / x.grad.abs().max()
    assert {name: float(error) for name, error in errors.items() if not error < tolerance} == {}


@pytest.mark.parametrize("reverse", [False, True])
def test_y_and_all_gradients_are_those_of_the_sequential_scan(reverse: bool) -> None:
    compare(inputs(tokens=6, width=3), reverse=reverse)


@pytest.mark.parametrize("reverse", [False, True])
def test_chunks_of_the_tokens_give_the_same(reverse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_scan, "processors", lambda device: 3)
    given = inputs(batch=1, tokens=10, width=2, states=3)
    sizes = triton_scan.plan(1, 10, 2, 3, torch.device("cpu"))
    assert (sizes.blocks, sizes.tiles, sizes.chunks) == (1, 3, 3)
    compare(given, reverse=reverse)


@pytest.mark.parametrize(
    ("without", "delta_softplus"), [(("D", "z", "delta_bias"), True), (("z",), False), (("D", "delta_bias"), False)]
)
def test_what_is_none_is_left_out(without: tuple[str, ...], delta_softplus: bool) -> None:
    given = {name: x for name, x in inputs(batch=1, tokens=5, width=2).items() if name not in without}
    if not delta_softplus:
        given["delta"] = 0.1 + given["delta"].abs()
        given |= {"delta_bias": given["delta_bias"].abs()} if "delta_bias" in given else {}
    compare(given, reverse=False, delta_softplus=delta_softplus)


def test_bfloat16_is_only_the_inputs_and_outputs_type() -> None:
    """The same values in bfloat16 and float32: y may differ by its own rounding alone (the interpreter cuts off)."""
    given = inputs(batch=1, tokens=9, width=2)
    large = ("u", "delta", "B", "C", "z")
    half = given | {name: given[name].bfloat16() for name in large}
    full = given | {name: half[name].float() for name in large}
    y = run(half, reverse=False)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), run(full, reverse=False), rtol=2**-7, atol=0)
    compare(half, reverse=False, tolerance=2e-2)


def test_views_of_a_projection_and_strided_channels_are_read_in_place_and_give_the_same() -> None:
    given = inputs(batch=2, tokens=5, width=3)
    both = torch.cat((given["u"], given["z"]), -1)
    bc = torch.cat((given["B"], given["C"]), -1)
    views = given | {
        "u": both[..., :3],
        "z": both[..., 3:],
        "B": bc[..., :3],
        "C": bc[..., 3:],
        "delta": given["delta"].transpose(1, 2).contiguous().transpose(1, 2),
    }
    assert not any(views[name].is_contiguous() for name in ("u", "z", "B", "C", "delta"))
    assert torch.equal(run(views, reverse=False), run(given, reverse=False))


def test_two_runs_are_bit_for_bit_the_same_and_a_long_decay_keeps_its_state() -> None:
    given = inputs(batch=1, tokens=6, width=2)
    given["A"] = torch.full_like(given["A"], -1e-6)
    found = []
    for _ in range(2):
        leaves = {name: x.clone().requires_grad_() for name, x in given.items()}
        run(leaves, reverse=True).square().sum().backward()
        found.append([x.grad for x in leaves.values()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True) if a is not None and b is not None)
    compare(given, reverse=True)


def test_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert triton_scan.available() is None
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no CUDA device" in str(triton_scan.available())
    monkeypatch.setattr(triton_scan.importlib.util, "find_spec", lambda name: None)
    assert "pip install triton" in str(triton_scan.available())
