import numpy as np
import pytest
import torch
from torch import Tensor

from mgi.scan import reference
from mgi.scan.interface import ScanInput

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


def inputs(batch: int = 2, length: int = 5, inner: int = 3, states: int = 4) -> dict[str, Tensor]:
    rng = np.random.default_rng(0)
    series, per_state = (batch, length, inner), (batch, length, states)
    shapes = [series, series, (inner, states), per_state, per_state, (inner,), series, (inner,)]
    drawn = {name: torch.from_numpy(rng.normal(size=shape)) for name, shape in zip(NAMES, shapes, strict=True)}
    return drawn | {"A": -drawn["A"].exp()}


def step_by_step(given: dict[str, Tensor], *, reverse: bool) -> np.ndarray:
    """The recurrence in float64, one number at a time."""
    u, delta, A, B, C, D, z, bias = (given[name].numpy() for name in NAMES)
    batch, length, inner = u.shape
    y = np.zeros_like(u)
    for b in range(batch):
        for e in range(inner):
            state = np.zeros(A.shape[1])
            for t in reversed(range(length)) if reverse else range(length):
                dt = np.log1p(np.exp(delta[b, t, e] + bias[e]))
                for n in range(len(state)):
                    state[n] = np.exp(dt * A[e, n]) * state[n] + dt * B[b, t, n] * u[b, t, e]
                gate = z[b, t, e] / (1 + np.exp(-z[b, t, e]))
                y[b, t, e] = (float(C[b, t] @ state) + D[e] * u[b, t, e]) * gate
    return y


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 2, 7])
def test_the_scan_is_the_recurrence_step_by_step(length: int, reverse: bool) -> None:
    given = inputs(length=length)
    found = reference.scan(ScanInput(**given, delta_softplus=True, reverse=reverse))
    np.testing.assert_allclose(found.numpy(), step_by_step(given, reverse=reverse), rtol=1e-12, atol=1e-12)


def test_without_softplus_bias_gate_and_skip_a_state_decays_by_what_it_is_told() -> None:
    half = -torch.tensor([[2.0]]).log()
    ones, first = torch.ones(1, 4, 1), torch.tensor([1.0, 0, 0, 0]).view(1, 4, 1)
    absent = {"D": None, "z": None, "delta_bias": None}
    y = reference.scan(ScanInput(first, ones, half, ones, ones, **absent, delta_softplus=False, reverse=False))
    torch.testing.assert_close(y.flatten(), torch.tensor([1, 0.5, 0.25, 0.125]))


def test_a_reverse_scan_is_a_scan_of_the_flipped_series_flipped_back() -> None:
    given = inputs()
    flipped = {name: tensor.flip(1) if tensor.ndim == 3 else tensor for name, tensor in given.items()}
    reverse = reference.scan(ScanInput(**given, delta_softplus=True, reverse=True))
    again = reference.scan(ScanInput(**flipped, delta_softplus=True, reverse=False)).flip(1)
    torch.testing.assert_close(reverse, again, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_all_eight_gradients_are_those_of_finite_differences(reverse: bool) -> None:
    given = [tensor.requires_grad_() for tensor in inputs(batch=1, length=4, inner=2, states=3).values()]

    def scanned(*tensors: Tensor) -> Tensor:
        return reference.scan(ScanInput(**dict(zip(NAMES, tensors, strict=True)), delta_softplus=True, reverse=reverse))

    assert torch.autograd.gradcheck(scanned, given)
