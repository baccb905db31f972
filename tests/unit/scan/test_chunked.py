from typing import Any

import pytest
import torch
from torch import Tensor

from mgi.scan import chunked, reference
from mgi.scan.interface import ScanInput

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


def inputs(batch: int = 2, length: int = 37, inner: int = 5, states: int = 3) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    series, per_state = (batch, length, inner), (batch, length, states)
    shapes = [series, series, (inner, states), per_state, per_state, (inner,), series, (inner,)]
    drawn = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in zip(NAMES, shapes, strict=True)
    }
    return drawn | {"A": -drawn["A"].exp(), "delta_bias": drawn["delta_bias"] - 2}


def value_and_gradients(scan: Any, given: dict[str, Tensor], **flags: bool) -> list[Tensor]:
    leaves = {name: tensor.detach().clone().requires_grad_() for name, tensor in given.items()}
    absent = {name: None for name in NAMES if name not in given}
    y = scan(ScanInput(**leaves, **absent, **({"delta_softplus": True, "reverse": False} | flags)))
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(y.dtype)
    return [y.detach(), *torch.autograd.grad((y * weights).sum(), list(leaves.values()))]


def largest_relative_errors(found: list[Tensor], expected: list[Tensor]) -> list[float]:
    return [float((one.double() - two).abs().max() / two.abs().max()) for one, two in zip(found, expected, strict=True)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 100, 289])
def test_value_and_eight_gradients_are_those_of_the_sequential_scan(length: int, reverse: bool) -> None:
    given = inputs(length=length)
    found = value_and_gradients(chunked.scan, given, reverse=reverse)
    expected = value_and_gradients(reference.scan, given, reverse=reverse)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("states_at_once", [1, 60, 2**20])
def test_however_the_series_is_cut_the_scan_is_the_same(states_at_once: int, reverse: bool, monkeypatch) -> None:
    given = inputs(length=203)
    expected = value_and_gradients(reference.scan, given, reverse=reverse)
    monkeypatch.setattr(chunked, "STATES_ON_CPU", states_at_once)
    found = value_and_gradients(chunked.scan, given, reverse=reverse)
    assert max(largest_relative_errors(found, expected)) < 1e-12


@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_those_of_finite_differences(reverse: bool) -> None:
    given = [tensor.requires_grad_() for tensor in inputs(batch=2, length=9, inner=2, states=2).values()]

    def scanned(*tensors: Tensor) -> Tensor:
        return chunked.scan(ScanInput(**dict(zip(NAMES, tensors, strict=True)), delta_softplus=True, reverse=reverse))

    assert torch.autograd.gradcheck(scanned, given)


@pytest.mark.parametrize("absent", [("D",), ("z",), ("delta_bias",), ("D", "z", "delta_bias")])
@pytest.mark.parametrize("delta_softplus", [False, True])
def test_gate_skip_and_bias_may_be_absent(absent: tuple[str, ...], delta_softplus: bool) -> None:
    given = {name: tensor for name, tensor in inputs().items() if name not in absent}
    found = value_and_gradients(chunked.scan, given, delta_softplus=delta_softplus)
    expected = value_and_gradients(reference.scan, given, delta_softplus=delta_softplus)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("reverse", [False, True])
def test_in_single_precision_the_error_is_a_few_roundings(reverse: bool) -> None:
    given = inputs(length=2000, inner=8, states=16)
    expected = value_and_gradients(reference.scan, given, reverse=reverse)
    single = {name: tensor.float() for name, tensor in given.items()}
    value, *gradients = largest_relative_errors(value_and_gradients(chunked.scan, single, reverse=reverse), expected)
    assert value < 1e-6
    assert max(gradients) < 1e-5


def test_views_of_a_split_projection_give_the_same_scan() -> None:
    given = inputs()
    projection = torch.cat([given["B"], given["C"], given["u"], given["z"]], -1)
    parts = projection.split([3, 3, 5, 5], -1)
    strided = given | dict(zip(("B", "C", "u", "z"), parts, strict=True))
    assert not strided["B"].is_contiguous()
    for one, two in zip(
        value_and_gradients(chunked.scan, strided), value_and_gradients(chunked.scan, given), strict=True
    ):
        torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-12)


def test_under_autocast_the_state_stays_in_single_precision() -> None:
    given = {name: tensor.float() for name, tensor in inputs(length=600).items()}
    low = given | {name: given[name].bfloat16() for name in ("u", "delta", "B", "C", "z")}
    expected = value_and_gradients(chunked.scan, {name: tensor.float() for name, tensor in low.items()})
    with torch.autocast("cpu", torch.bfloat16):
        found = value_and_gradients(chunked.scan, low)
    assert found[0].dtype == torch.bfloat16
    names = dict(zip(NAMES, found[1:], strict=True))
    assert {name: names[name].dtype for name in NAMES} == {name: low[name].dtype for name in NAMES}
    # Only what is stored in 8 bits of mantissa is rounded; parameters' gradients are sums in float32.
    torch.testing.assert_close(found[0].float(), expected[0], rtol=2**-8, atol=1e-6)
    assert max(largest_relative_errors(found[1:], [tensor.double() for tensor in expected[1:]])) < 2**-7


def test_a_step_too_large_to_hold_a_state_leaves_no_infinity() -> None:
    given = inputs(length=64)
    given["delta"] = given["delta"] * 200
    for tensor in value_and_gradients(chunked.scan, {name: tensor.float() for name, tensor in given.items()}):
        assert torch.isfinite(tensor).all()


def test_memory_for_the_backward_pass_does_not_hold_every_state() -> None:
    given = {name: tensor.float().requires_grad_() for name, tensor in inputs(length=4096, inner=8, states=16).items()}
    saved: list[int] = []

    def count(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        chunked.scan(ScanInput(**given, delta_softplus=True, reverse=False))
    series = 2 * 4096 * 8
    assert sum(saved) < 9.1 * series  # u, delta, z, y; B and C of twice their size; states / 16 of theirs
