"""Environments and lock files name the same versions, and the lock holds all that the package asks for."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lib import lock_check

ROOT = Path(__file__).parents[2]
# mamba-ssm's kernels are known to compile with this torch and no newer one.
GPU_PINS = {"torch": "2.11.0", "torchvision": "0.26.0", "setuptools": "81.0.0", "wheel": "0.45.1"}


def pins_of(name: str) -> dict[str, str]:
    lines = [line.split(" ;")[0] for line in (ROOT / name).read_text().splitlines()]
    return dict(line.split("==") for line in lines if line and not line.startswith(("#", "-")))


def env(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())
    return loaded


def pip_pins(name: str) -> dict[str, str]:
    (pip,) = (entry["pip"] for entry in env(name)["dependencies"] if isinstance(entry, dict))
    return dict(line.split("==") for line in pip)


@pytest.mark.parametrize("name", ["data", "train"])
def test_an_environment_has_the_versions_of_the_lock(name: str) -> None:
    lock = pins_of("requirements.txt")
    assert {package: lock.get(package) for package in pip_pins(name)} == pip_pins(name)


def test_the_gpu_environment_differs_only_where_mamba_ssm_asks_for_it() -> None:
    assert pip_pins("train-gpu") == pip_pins("train") | GPU_PINS


def test_the_tests_have_the_triton_that_torch_asks_for() -> None:
    assert pins_of("requirements-dev.txt")["triton"] == pins_of("requirements-cuda.txt")["triton"]


def test_what_only_cuda_asks_for_is_a_constraint_of_every_install() -> None:
    """Else a CPU build of torch would drag gigabytes along, or a CUDA build would take what is newest."""
    assert [name for name in pins_of("requirements-cuda.txt") if not lock_check.CUDA.match(name)] == []
    assert [name for name in pins_of("requirements.txt") if lock_check.CUDA.match(name)] == []
    assert "-c requirements-cuda.txt" in (ROOT / "requirements.txt").read_text().splitlines()
    assert "-r requirements.txt" in (ROOT / "requirements-dev.txt").read_text().splitlines()


def test_every_lock_file_is_resolved_in_ci() -> None:
    files = {*ROOT.glob("requirements*.txt"), *ROOT.glob("envs/*.yaml")} - {ROOT / "requirements-cuda.txt"}
    assert {ROOT / lock for lock in lock_check.LOCKS} == files
    assert "make lock-check" in (ROOT / ".ci/run").read_text().splitlines()


@pytest.mark.parametrize("name", ["data", "train", "train-gpu"])
def test_every_conda_package_has_a_bound_and_one_channel(name: str) -> None:
    assert env(name)["channels"] == ["conda-forge", "nodefaults"]
    packages = [entry for entry in env(name)["dependencies"] if isinstance(entry, str)]
    assert [package for package in packages if not re.search(r" (=|>=)\d", package)] == []
    assert not (ROOT / f"envs/{name}.linux-64.pin.txt").exists(), "a pin file would replace the pip section"


def test_the_environment_that_moves_data_has_no_torch() -> None:
    assert not {"torch", "timm", "monai"} & set(pip_pins("data"))


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("requirements.txt", ["train", "workflow"]), ("envs/data.yaml", []), ("envs/train.yaml", ["train"])],
)
def test_a_lock_satisfies_the_package(lock: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    pins = pins_of(lock) if lock.endswith(".txt") else pip_pins(Path(lock).stem)
    asked = [Requirement(line) for line in wanted]
    assert [str(one) for one in asked if not one.specifier.contains(pins.get(canonicalize_name(one.name), "0"))] == []
