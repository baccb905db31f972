"""A copy of the workflow to run Snakemake in, and one finished toy run for all tests that need results."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config", "envs", "profiles", "src", "workflow")
TOY = ("--configfile", "config/toy.yaml")

Snakemake = Callable[..., subprocess.CompletedProcess[str]]


def _copy_of_workflow(folder: Path) -> Path:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A fresh copy of the workflow, as a clone would be."""
    return _copy_of_workflow(tmp_path)


@pytest.fixture(scope="session")
def snakemake() -> Snakemake:
    """Run Snakemake in a folder; stdout and stderr come back as one text."""

    def run(folder: Path, *options: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SNAKEMAKE", "PYTEST"))}
        env |= {"PATH": path or os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "snakemake", *options]
        return subprocess.run(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def jobs_of() -> Callable[[str], dict[str, int]]:
    """Rule name to number of jobs, from Snakemake's table of jobs; without the target rule."""

    def parse(output: str) -> dict[str, int]:
        table = re.search(r"^Job stats:\njob +count\n[- ]+\n(.*?)^total ", output, re.MULTILINE | re.DOTALL)
        rows = [line.split() for line in table[1].splitlines() if line.strip()] if table else []
        return {name: int(count) for name, count in rows if name != "all"}

    return parse


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory, snakemake: Snakemake) -> tuple[Path, str]:
    """The folder of a finished run of config/toy.yaml, and what the run printed.

    It is run once, by the first of pytest's processes that asks; each has a copy of its own.
    """
    shared, own = _shared_by_processes(tmp_path_factory) / "toy", tmp_path_factory.mktemp("toy")
    with FileLock(shared.with_suffix(".lock")):
        if not (shared / "said.txt").is_file():
            shutil.rmtree(shared, ignore_errors=True)
            shared.mkdir()
            done = snakemake(_copy_of_workflow(shared), *TOY, "--cores", "2")
            assert done.returncode == 0, done.stdout[-6000:]
            (shared / "said.txt").write_text(done.stdout)
    shutil.copytree(shared, own, dirs_exist_ok=True, symlinks=True)  # with the times of the files
    return own, (own / "said.txt").read_text()


def _shared_by_processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pytest-xdist gives each of its processes a folder below the run's."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
