"""Environments and lock files name the same versions, and the lock holds all that the package asks for."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lib import environments, lock_check

ROOT = Path(__file__).parents[2]


def pins_of(name: str) -> dict[str, str]:
    return environments.pins_of(ROOT / name)


def env(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())
    return loaded


def pip_pins(name: str) -> dict[str, str]:
    (pip,) = (entry["pip"] for entry in env(name)["dependencies"] if isinstance(entry, dict))
    return dict(line.split("==") for line in pip)


@pytest.mark.parametrize("name", environments.written(ROOT))
def test_what_make_environments_writes_is_what_is_there(name: str) -> None:
    """Environments, torch's locks and both recipes of the container: one source, the same packages."""
    assert (ROOT / name).read_text() == environments.written(ROOT)[name], "make environments"


def test_the_lock_pins_what_the_package_and_the_workflow_bring_along_and_nothing_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["slides"], *extras["train"], *extras["workflow"]]
    assert environments.closure(asked) == set(pins_of("requirements.txt"))


def test_what_is_written_is_for_the_python_of_the_environments_whichever_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {"a": ["b ; python_version < '3.12'", "c ; python_version >= '3.12'", "d ; python_full_version >= '3.12'"]}
    monkeypatch.setattr(environments, "requires", lambda name: needs.get(name))
    assert environments.closure(["a"]) == {"a", "b"}


def test_both_recipes_of_the_container_install_the_same_lock_on_the_same_base() -> None:
    texts = [(ROOT / "containers" / name).read_text() for name in ("Dockerfile", "mgi.def")]
    for part in (environments.IMAGE, "requirements-torch-$TORCH.txt", "g++ git", "safe.directory", "mgi.locks.sha256"):
        assert all(part in text for text in texts), part
    assert all(text.count(name) for text in texts for name in environments.COPIED)


def test_the_image_serves_a_user_of_whom_it_knows_nothing() -> None:
    """Snakemake asks for a home folder and a name, and the settings of pip may hold a password."""
    lines = (ROOT / "containers/Dockerfile").read_text().splitlines()
    assert "ENV HOME=/tmp USER=mgi" in lines
    assert lines[-1].startswith("RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf python -m pip install")
    assert "PIP_CONFIG_FILE=/mnt/pip.conf" in (ROOT / "containers/mgi.def").read_text()


def test_the_context_of_a_build_holds_the_locks_and_nothing_else() -> None:
    kept = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert kept == ["*", "!requirements*.txt"]
    assert all(fnmatch(name, "requirements*.txt") for name in environments.COPIED)


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
