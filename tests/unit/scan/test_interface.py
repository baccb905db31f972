"""The choice of a backend, and every backend that can run here against the sequential scan in float64."""

import logging
from types import SimpleNamespace
from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor

from mgi.core.errors import ConfigError
from mgi.models.settings import ModelSettings
from mgi.scan import interface
from mgi.scan.interface import ENVIRONMENT, MODULES, Backend, ScanInput, choose_backend, selective_scan, why_not

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    """Neither what an earlier test found out nor what the machine's owner prefers."""
    for variable in (ENVIRONMENT, "TRITON_INTERPRET"):
        monkeypatch.delenv(variable, raising=False)
    for remembered in (interface.why_not, interface._automatic):
        remembered.cache_clear()
    yield
    for remembered in (interface.why_not, interface._automatic):
        remembered.cache_clear()


@pytest.fixture
def present(monkeypatch):
    """Only the backends that are named (and torch and reference) can run; the others say what to install."""

    def only(*names: str) -> None:
        def module(path: str) -> SimpleNamespace:
            name = next(name for name, its_path in MODULES.items() if its_path == path)
            reason = None if name in names else f"no {name}; install {name}"
            return SimpleNamespace(available=lambda: reason)

        monkeypatch.setattr(interface, "import_module", module)
        monkeypatch.delenv("TRITON_INTERPRET", raising=False)

    return only


def inputs(length: int = 5, inner: int = 3, states: int = 4) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    series, per_state = (2, length, inner), (2, length, states)
    shapes = [series, series, (inner, states), per_state, per_state, (inner,), series, (inner,)]
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in zip(NAMES, shapes, strict=True)}
    return drawn | {"A": -drawn["A"].exp(), "delta_bias": drawn["delta_bias"] - 2}


def strided(given: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same numbers as views of what a projection gives: rows of u and z, and of B and C, side by side."""
    views = dict(given)
    for pair in (("u", "z"), ("B", "C")):
        views |= dict(zip(pair, torch.cat([given[name] for name in pair], -1).chunk(2, -1), strict=True))
    return views


def value_and_gradients(given: dict[str, Tensor], backend: Backend, *, reverse: bool) -> list[Tensor]:
    leaves = [given[name].detach().requires_grad_() for name in NAMES]
    y = selective_scan(ScanInput(*leaves, delta_softplus=True, reverse=reverse), backend)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
    return [y.detach(), *torch.autograd.grad((y * weights).sum(), leaves)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("length", "inner", "states"), [(1, 8, 16), (33, 8, 16), (300, 12, 16), (100, 3, 4), (70, 9, 5)]
)
@pytest.mark.parametrize("backend", ["cpp", "torch"])
def test_every_backend_of_this_machine_is_the_sequential_scan(backend, length, inner, states, reverse) -> None:
    missing = why_not(backend, "cpu")
    if missing is not None:
        pytest.skip(missing)
    given = inputs(length, inner, states)
    doubled = {name: tensor.double() for name, tensor in given.items()}
    expected = value_and_gradients(doubled, reverse=reverse, backend="reference")
    found = value_and_gradients(strided(given), reverse=reverse, backend=backend)
    errors = [float((one - two).abs().max() / two.abs().max()) for one, two in zip(found, expected, strict=True)]
    assert errors[0] < 1e-6
    assert max(errors) < 1e-5


@pytest.mark.gpu
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("backend", ["triton", "mamba_ssm", "torch"])
def test_every_backend_of_a_gpu_is_the_sequential_scan(backend, reverse) -> None:
    missing = why_not(backend, "cuda") if torch.cuda.is_available() else "no CUDA device"
    if missing is not None:
        pytest.skip(missing)
    given = {name: tensor.cuda() for name, tensor in inputs(300, 16, 16).items()}
    doubled = {name: tensor.double() for name, tensor in given.items()}
    expected = value_and_gradients(doubled, reverse=reverse, backend="reference")
    found = value_and_gradients(strided(given), reverse=reverse, backend=backend)
    errors = [float((one - two).abs().max() / two.abs().max()) for one, two in zip(found, expected, strict=True)]
    assert max(errors) < 1e-4


@pytest.mark.parametrize(
    ("device", "names", "chosen"),
    [
        ("cpu", ["cpp"], "cpp"),
        ("cpu", [], "torch"),
        ("cpu", ["triton", "mamba_ssm"], "torch"),
        ("cuda", ["cpp", "triton", "mamba_ssm"], "triton"),
        ("cuda", ["mamba_ssm"], "mamba_ssm"),
        ("cuda", ["cpp"], "torch"),
        ("mps", ["cpp", "triton"], "torch"),
    ],
)
def test_auto_takes_the_fastest_that_can_run(device, names, chosen, present) -> None:
    present(*names)
    assert choose_backend("auto", device) == chosen


def test_auto_says_once_which_it_took_and_what_is_missing(present, caplog) -> None:
    present()
    with caplog.at_level(logging.INFO, logger=interface.LOG.name):
        for _ in range(3):
            choose_backend("auto", "cpu")
    expected = "selective scan on cpu: backend torch; a faster one is missing (cpp: no cpp; install cpp)"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("WARNING", expected)]


def test_auto_says_without_a_warning_that_it_took_the_fast_one(present, caplog) -> None:
    present("cpp")
    with caplog.at_level(logging.INFO, logger=interface.LOG.name):
        choose_backend("auto", "cpu")
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("INFO", "selective scan on cpu: backend cpp")]


@pytest.mark.parametrize(
    ("device", "dtype", "chosen"),
    [
        ("cpu", torch.float32, "cpp"),
        ("cpu", torch.float64, "torch"),
        ("cpu", torch.bfloat16, "torch"),
        ("cuda", torch.bfloat16, "triton"),
        ("cuda", torch.float64, "torch"),
    ],
)
def test_auto_is_torch_where_no_kernel_takes_the_dtype(device, dtype, chosen, present) -> None:
    present("cpp", "triton")
    assert choose_backend("auto", device, dtype) == chosen


@pytest.mark.parametrize(("name", "device"), [("cpp", "cpu"), ("triton", "cuda"), ("mamba_ssm", "cuda")])
def test_a_backend_asked_for_by_name_and_missing_is_an_error_that_says_what_to_install(name, device, present) -> None:
    present()
    with pytest.raises(ConfigError, match=rf"model\.scan_backend: '{name}' .*device '\w+'.*install {name}"):
        choose_backend(name, device)


@pytest.mark.parametrize(("name", "device"), [("cpp", "cuda"), ("triton", "cpu"), ("mamba_ssm", "cpu")])
def test_a_backend_of_another_device_is_an_error_that_names_both(name, device, present) -> None:
    present("cpp", "triton", "mamba_ssm")
    other = "cpu" if device == "cuda" else "cuda"
    with pytest.raises(ConfigError, match=rf"model\.scan_backend: '{name}' .*'{device}'.*'{other}'"):
        choose_backend(name, device)


def test_triton_runs_on_the_cpu_through_its_interpreter(present, monkeypatch) -> None:
    present("triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert choose_backend("triton", "cpu") == "triton"


def test_a_scan_that_asks_for_a_missing_backend_never_falls_back_silently(present) -> None:
    present()
    with pytest.raises(ConfigError):
        selective_scan(ScanInput(**inputs()), "cpp")


def test_the_environment_takes_the_place_of_auto_and_of_nothing_else(monkeypatch, present) -> None:
    present("cpp")
    monkeypatch.setenv(ENVIRONMENT, "reference")
    assert choose_backend("auto", "cpu") == "reference"
    assert choose_backend("torch", "cpu") == "torch"


def test_an_unknown_name_in_the_environment_is_an_error_with_the_names(monkeypatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "numpy")
    with pytest.raises(ConfigError, match=f"{ENVIRONMENT}: .*'numpy'.*auto, cpp, triton"):
        choose_backend("auto", "cpu")


def test_what_can_run_is_listed_with_reasons(present) -> None:
    present("cpp")
    assert {name: why_not(name, "cpu") for name in MODULES} == {
        "cpp": None,
        "triton": "it needs device 'cuda'",
        "mamba_ssm": "it needs device 'cuda'",
        "torch": None,
        "reference": None,
    }


def test_a_backend_whose_library_is_not_installed_is_missing_not_an_error(monkeypatch) -> None:
    def no_module(path: str) -> None:
        raise ModuleNotFoundError("No module named 'triton'", name="triton")

    monkeypatch.setattr(interface, "import_module", no_module)
    assert why_not("triton", "cuda") == "No module named 'triton'"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("delta", (2, 4, 3)),
        ("A", (2, 4)),
        ("B", (2, 5, 5)),
        ("D", (1,)),
        ("A", (4, 4)),
        ("B", (2, 5, 3)),
        ("C", (1, 5, 4)),
        ("D", (4,)),
        ("z", (2, 3, 5)),
        ("delta_bias", (3, 1)),
    ],
)
def test_a_wrong_shape_is_an_error_before_a_kernel_reads_it(name, wrong) -> None:
    expected = tuple(inputs()[name].shape)
    with pytest.raises(ValueError) as caught:
        selective_scan(ScanInput(**inputs() | {name: torch.zeros(wrong)}))
    assert str(caught.value) == f"{name}: shape {wrong} on cpu, expected {expected} on cpu"


def test_the_config_knows_the_names_of_the_backends() -> None:
    assert get_args(get_type_hints(ModelSettings)["scan_backend"]) == get_args(Backend) == ("auto", *MODULES)


def test_a_series_without_a_batch_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"u: .*\(5, 3\).*\(B, L, E\)"):
        selective_scan(ScanInput(**inputs() | {"u": torch.zeros(5, 3)}))


def test_an_empty_series_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"u: .*\(2, 0, 3\)"):
        selective_scan(ScanInput(**inputs(length=0)))


def test_a_tensor_on_another_device_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"D: .*\(3,\) .*meta.*\(3,\) .*cpu"):
        selective_scan(ScanInput(**inputs() | {"D": torch.zeros(3, device="meta")}))
