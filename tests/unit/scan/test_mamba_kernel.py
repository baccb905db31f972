"""The adapter to mamba-ssm, with the sequential scan in the kernel's place."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import Tensor

from mgi.scan import mamba_kernel, reference
from mgi.scan.interface import ScanInput

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


class Kernel:
    """What the real one computes, on what the real one takes: contiguous (B, E, L) and parameters in float32."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def __call__(
        self, u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, return_last_state=False
    ) -> Tensor:
        series = {"u": u, "delta": delta, "B": B, "C": C, "z": z}
        given = [tensor for tensor in series.values() if tensor is not None]
        assert all(tensor.is_contiguous() for tensor in given)
        assert {tensor.dtype for tensor in given} == {u.dtype}
        assert all(tensor.dtype == torch.float32 for tensor in (A, D, delta_bias) if tensor is not None)
        self.lengths.append(u.shape[-1])
        turned = {name: None if tensor is None else tensor.transpose(1, 2) for name, tensor in series.items()}
        y = reference.scan(
            ScanInput(**turned, A=A, D=D, delta_bias=delta_bias, delta_softplus=delta_softplus, reverse=False)
        )
        return y.transpose(1, 2).to(u.dtype)


@pytest.fixture
def kernel(monkeypatch) -> Kernel:
    stand_in = Kernel()
    interface = ModuleType("mamba_ssm.ops.selective_scan_interface")
    monkeypatch.setattr(interface, "selective_scan_fn", stand_in, raising=False)
    for name in ("mamba_ssm", "mamba_ssm.ops"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    return stand_in


def inputs(length: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    series, per_state = (2, length, 3), (2, length, 4)
    shapes = [series, series, (3, 4), per_state, per_state, (3,), series, (3,)]
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in zip(NAMES, shapes, strict=True)}
    return drawn | {"A": -drawn["A"].exp()}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 100, 128, 300])
def test_value_and_gradients_are_those_of_the_sequential_scan(kernel, length: int, reverse: bool) -> None:
    results = []
    for scan in (mamba_kernel.scan, reference.scan):
        leaves = {name: tensor.clone().requires_grad_() for name, tensor in inputs(length).items()}
        y = scan(ScanInput(**leaves, delta_softplus=True, reverse=reverse))
        weights = torch.linspace(-1, 1, y.numel()).view_as(y)
        results.append([y, *torch.autograd.grad((y * weights).sum(), list(leaves.values()))])
    for one, two in zip(*results, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("length", "padded"),
    [(1, 128), (128, 128), (129, 256), (1000, 1024), (1025, 2048), (2048, 2048), (2049, 4096), (60_660, 61_440)],
)
def test_a_length_is_padded_to_whole_pieces(length: int, padded: int) -> None:
    assert mamba_kernel.padded_length(length) == padded


def test_the_kernel_sees_the_padded_length(kernel) -> None:
    mamba_kernel.scan(ScanInput(**inputs(130), delta_softplus=True, reverse=True))
    assert kernel.lengths == [256]


def test_half_precision_series_meet_parameters_in_single_precision(kernel) -> None:
    given = inputs(10)
    low = {name: tensor.bfloat16() if tensor.ndim == 3 else tensor for name, tensor in given.items()}
    low["delta"] = given["delta"]  # a projection that ran outside autocast
    assert mamba_kernel.scan(ScanInput(**low, delta_softplus=True, reverse=False)).dtype == torch.bfloat16


def test_gate_skip_and_bias_may_be_absent(kernel) -> None:
    given = inputs(10) | {"D": None, "z": None, "delta_bias": None}
    found = mamba_kernel.scan(ScanInput(**given, delta_softplus=False, reverse=True))
    torch.testing.assert_close(found, reference.scan(ScanInput(**given, delta_softplus=False, reverse=True)))


@pytest.mark.parametrize(
    ("cuda", "installed", "reason"),
    [
        (False, True, "sees no CUDA device"),
        (True, False, "pip install --no-build-isolation 'mamba-ssm"),
    ],
)
def test_what_is_missing_is_said_with_the_install_line(cuda, installed, reason, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(mamba_kernel.importlib.util, "find_spec", lambda _: SimpleNamespace() if installed else None)
    assert reason in str(mamba_kernel.available())


def test_with_a_device_and_the_extension_it_can_run(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(mamba_kernel.importlib.util, "find_spec", lambda _: SimpleNamespace())
    assert mamba_kernel.available() is None
