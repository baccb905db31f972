"""What `make setup` says where it cannot work, and that it does nothing twice."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for path in (ROOT / "Makefile", *ROOT.glob("requirements*.txt")):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


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
    assert f"{other} is not Python 3.11" in stopped.stdout


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
