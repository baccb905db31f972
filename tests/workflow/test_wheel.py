"""The built wheel: all files that the packages read, the extras, and a command that starts without the checkout."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import mgi

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what it is made of, with the setuptools of the lock."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", built, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = built.iterdir()
    return path


def test_it_holds_every_file_of_both_packages(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (path for path in (ROOT / "src").rglob("*") if path.is_file())
    ours = {path.relative_to(ROOT / "src").as_posix() for path in files}
    assert held == {name for name in ours if "__pycache__" not in name and ".egg-info" not in name}


def test_it_names_the_pythons_and_the_extras(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    assert set(metadata.get_all("Provides-Extra")) == set(project["optional-dependencies"])
    assert set(metadata["Requires-Python"].split(",")) == set(project["requires-python"].split(","))


def test_its_command_starts_where_no_checkout_is(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile", "--target", target, wheel]
    subprocess.run(install, check=True, capture_output=True)
    where = "import mgi, sys; from mgi.cli import main; print(mgi.__file__); sys.exit(main(['--version']))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", where],
        cwd=tmp_path, env={"PYTHONPATH": str(target)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    file, version = done.stdout.splitlines()
    assert Path(file).is_relative_to(target)
    assert version == f"mgi {mgi.__version__}"
    assert (target / "bin" / "mgi").is_file()
