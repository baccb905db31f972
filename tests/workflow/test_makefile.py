"""What `make setup` says where it cannot work, and that it does nothing twice."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for path in (ROOT / "Makefile", *ROOT.glob("requirements*.txt")):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip


def test_a_missing_python_is_named_with_the_remedy(clone: Path) -> None:
    stopped = make(clone, "setup", "PYTHON=python3.11-nowhere")
    assert stopped.returncode != 0
    assert "no python3.11-nowhere on this machine" in stopped.stdout
    assert "make setup PYTHON=/path/to/python3.11" in stopped.stdout
    assert not (clone / ".venv").exists()


def test_another_version_of_python_is_refused(clone: Path) -> None:
    other = clone / "python-other"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    stopped = make(clone, "setup", f"PYTHON={other}")
    assert stopped.returncode != 0
    assert f"{other} is not Python 3.11, 3.12 or 3.13" in stopped.stdout


@pytest.mark.parametrize(
    ("working", "chosen"),
    [(("3.11", "3.12"), "python3.11"), (("3.12", "3.13"), "python3.12"), (("3.13",), "python3.13"), ((), "python3")],
)
def test_the_first_tested_python_that_starts_is_taken(clone: Path, working: tuple[str, ...], chosen: str) -> None:
    """A version manager puts names on PATH that cannot start."""
    folder = clone / "bin"
    folder.mkdir()
    for version in ("3.11", "3.12", "3.13"):
        starts = 'shift; exec /usr/bin/python3 -c "$@"' if version in working else "exit 127"
        python = folder / f"python{version}"
        python.write_text(f"#!/bin/sh\n{starts}\n")
        python.chmod(0o755)
    planned = make(clone, "-n", "setup", PATH=f"{folder}:/usr/bin:/bin").stdout
    assert f"python={chosen};" in planned


def test_the_versions_are_those_that_the_package_names(clone: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tested = [f"3.{minor}" for minor in range(30) if SpecifierSet(project["requires-python"]).contains(f"3.{minor}")]
    said = make(clone, "setup", "PYTHON=nowhere").stdout
    assert f"install Python {', '.join(tested[:-1])} or {tested[-1]}" in said
    assert "TESTED := " + " ".join(tested) in (ROOT / "Makefile").read_text().splitlines()
    shown = [line for line in project["classifiers"] if line.startswith("Programming Language :: Python :: 3.")]
    assert [line.rpartition(" ")[2] for line in shown] == tested


@pytest.mark.parametrize(
    ("build", "said"), [("cpu", "0.5 GB with the CPU build"), ("cuda", "3 GB with its CUDA build"), ("", " or ")]
)
def test_it_says_how_much_is_downloaded_before_it_begins(clone: Path, build: str, said: str) -> None:
    planned = make(clone, "-n", "setup", f"TORCH={build}").stdout
    assert said in planned
    assert planned.index("pip downloads") < planned.index("pip install")


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-cuda.txt"])
def test_a_finished_set_up_is_not_repeated_until_the_lock_changes(clone: Path, lock: str) -> None:
    planned = make(clone, "-n", "setup").stdout
    (stamp,) = {word for word in planned.split() if word.startswith(".venv/.installed-run-") and "*" not in word}
    (clone / ".venv").mkdir()
    (clone / stamp).touch()
    assert "pip install" not in make(clone, "-n", "setup").stdout
    with (clone / lock).open("a") as pins:
        pins.write("new==1.0\n")
    assert "pip install" in make(clone, "-n", "setup").stdout


def test_the_build_of_torch_is_chosen_by_name_and_another_name_is_refused(clone: Path) -> None:
    for build in ("cpu", "cuda"):
        assert f"-r requirements-torch-{build}.txt" in make(clone, "-n", "setup", f"TORCH={build}").stdout
    stopped = make(clone, "setup", "TORCH=tpu", f"PYTHON={python_without_venv(clone)}")
    assert "setup: TORCH: found tpu, expected cpu or cuda" in stopped.stdout
    assert stopped.returncode != 0


def test_a_set_up_with_a_chosen_torch_is_not_repeated_by_targets_that_name_none(clone: Path) -> None:
    planned = make(clone, "-n", "setup", "TORCH=cpu").stdout
    (stamp,) = {word for word in planned.split() if word.startswith(".venv/.installed-run-") and "*" not in word}
    (clone / ".venv").mkdir()
    (clone / stamp).touch()
    assert "pip install" not in make(clone, "-n", "setup").stdout
    assert "pip install" in make(clone, "-n", "setup", "TORCH=cuda").stdout


def python_without_venv(folder: Path) -> Path:
    """A Python of the right version whose environments are empty."""
    fake = folder / "python-fake"
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    return fake
