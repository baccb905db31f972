import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from mgi.core.errors import ConfigError
from mgi.models import scan
from mgi.models.scan import choose_backend, selective_scan

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


def inputs(batch: int = 2, length: int = 5, inner: int = 3, states: int = 4, seed: int = 0) -> dict[str, Tensor]:
    """Random float64 arguments in the order of NAMES."""
    rng = np.random.default_rng(seed)
    shapes = {
        "u": (batch, length, inner),
        "delta": (batch, length, inner),
        "A": (inner, states),
        "B": (batch, length, states),
        "C": (batch, length, states),
        "D": (inner,),
        "z": (batch, length, inner),
        "delta_bias": (inner,),
    }
    drawn = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    drawn["A"] = -np.exp(drawn["A"])
    return {name: torch.from_numpy(drawn[name]) for name in NAMES}


def step_by_step(given: dict[str, Tensor], *, reverse: bool = False) -> np.ndarray:
    """The recurrence in float64, one number at a time."""
    u, delta, A, B, C, D, z, bias = (given[name].double().numpy() for name in NAMES)
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
def test_the_torch_scan_is_the_recurrence_step_by_step(length: int, reverse: bool) -> None:
    given = inputs(length=length)
    found = selective_scan(**given, reverse=reverse, backend="torch")
    np.testing.assert_allclose(found.numpy(), step_by_step(given, reverse=reverse), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_in_single_precision_the_scan_stays_within_its_rounding(reverse: bool) -> None:
    given = {name: tensor.float() for name, tensor in inputs(length=64).items()}
    found = selective_scan(**given, reverse=reverse, backend="torch")
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), step_by_step(given, reverse=reverse), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
def test_all_eight_gradients_are_those_of_finite_differences(reverse: bool) -> None:
    given = [tensor.requires_grad_() for tensor in inputs(batch=1, length=4, inner=2, states=3).values()]

    def scanned(*tensors: Tensor) -> Tensor:
        return selective_scan(**dict(zip(NAMES, tensors, strict=True)), reverse=reverse, backend="torch")

    assert torch.autograd.gradcheck(scanned, given)


def test_a_reverse_scan_is_a_scan_of_the_flipped_series_flipped_back() -> None:
    given = inputs()
    flipped = {name: tensor.flip(1) if tensor.ndim == 3 else tensor for name, tensor in given.items()}
    reverse = selective_scan(**given, reverse=True, backend="torch")
    assert torch.equal(reverse, selective_scan(**flipped, backend="torch").flip(1))


def test_views_that_are_not_contiguous_give_the_same_scan() -> None:
    given = inputs()
    strided = given | {name: given[name].transpose(1, 2).contiguous().transpose(1, 2) for name in ("z", "B", "C")}
    assert not strided["B"].is_contiguous()
    assert torch.equal(selective_scan(**strided, backend="torch"), selective_scan(**given, backend="torch"))


@pytest.mark.parametrize("reverse", [False, True])
def test_mamba_ssm_is_called_channels_first_and_forwards_only(reverse: bool, monkeypatch) -> None:
    def kernel(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, **rest: Tensor) -> Tensor:
        """What the real kernel computes, on series (B, E, L) that have to be contiguous."""
        assert rest.pop("delta_softplus") is True
        series = {"u": u, "delta": delta, "B": B, "C": C, "z": rest["z"]}
        assert all(tensor.is_contiguous() for tensor in series.values())
        given = {name: tensor.transpose(1, 2) for name, tensor in series.items()}
        y = step_by_step({**given, "A": A, "D": D, "delta_bias": rest["delta_bias"]})
        return torch.from_numpy(y).transpose(1, 2)

    interface = ModuleType("mamba_ssm.ops.selective_scan_interface")
    monkeypatch.setattr(interface, "selective_scan_fn", kernel, raising=False)
    for name in ("mamba_ssm", "mamba_ssm.ops"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    monkeypatch.setattr(scan, "choose_backend", lambda *_: "mamba_ssm")
    given = inputs()
    found = selective_scan(**given, reverse=reverse, backend="mamba_ssm")
    np.testing.assert_allclose(found.numpy(), step_by_step(given, reverse=reverse), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("backend", "device", "installed", "chosen"),
    [
        ("auto", "cpu", False, "torch"),
        ("auto", "cpu", True, "torch"),
        ("auto", "cuda", False, "torch"),
        ("auto", "cuda", True, "mamba_ssm"),
        ("torch", "cuda", True, "torch"),
        ("mamba_ssm", "cuda", True, "mamba_ssm"),
    ],
)
def test_the_kernel_is_chosen_only_on_cuda_and_only_where_installed(
    backend, device, installed, chosen, monkeypatch
) -> None:
    monkeypatch.setattr(scan.importlib.util, "find_spec", lambda _: SimpleNamespace() if installed else None)
    assert choose_backend(backend, device) == chosen


@pytest.mark.parametrize(("device", "installed"), [("cpu", False), ("cuda", False), ("cpu", True)])
def test_mamba_ssm_asked_for_and_missing_is_an_error_with_the_install_line(device, installed, monkeypatch) -> None:
    monkeypatch.setattr(scan.importlib.util, "find_spec", lambda _: SimpleNamespace() if installed else None)
    with pytest.raises(ConfigError, match=r"scan_backend.*pip install --no-build-isolation 'mgi\[gpu\]'") as caught:
        choose_backend("mamba_ssm", device)
    assert f"device '{device}'" in str(caught.value)


def test_a_scan_that_asks_for_mamba_ssm_on_the_cpu_never_falls_back_silently() -> None:
    with pytest.raises(ConfigError):
        selective_scan(**inputs(), backend="mamba_ssm")


@pytest.mark.gpu
@pytest.mark.parametrize("reverse", [False, True])
def test_the_cuda_kernel_agrees_with_torch_in_value_and_gradient(reverse: bool) -> None:
    pytest.importorskip("selective_scan_cuda")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    given = {name: tensor.float().cuda() for name, tensor in inputs(length=37, inner=8, states=16).items()}
    results = []
    for backend in ("torch", "mamba_ssm"):
        leaves = {name: tensor.clone().requires_grad_() for name, tensor in given.items()}
        y = selective_scan(**leaves, reverse=reverse, backend=backend)
        gradients = torch.autograd.grad(y.square().sum(), list(leaves.values()))
        results.append([y, *gradients])
    for one, two in zip(*results, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)
