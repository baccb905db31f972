import subprocess
from pathlib import Path

import pytest

from mgi.core import environment


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", folder, *named, *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package in the folder that the tests take for mgi's."""
    file = tmp_path / "repository/src/package/__init__.py"
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.setattr(environment.mgi, "__file__", str(file))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return file


def test_the_commit_is_of_the_repository_that_holds_the_package_and_says_where_files_differ(package: Path) -> None:
    root = package.parents[2]
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    head = git(root, "rev-parse", "HEAD").strip()
    assert environment.commit() == head
    package.write_text("changed = True\n")
    assert environment.commit() == f"{head}-dirty"


def test_another_repository_s_commit_is_not_taken_for_the_package_s(package: Path) -> None:
    root = package.parents[2]
    git(root, "init")
    (root / "notes.txt").touch()
    git(root, "add", "notes.txt")
    git(root, "commit", "-m", "without the package")
    assert environment.commit() is None


def test_outside_of_a_repository_there_is_no_commit(package: Path) -> None:
    assert environment.commit() is None


def test_a_machine_is_told_by_its_cores_memory_and_python() -> None:
    assert all(word in environment.machine() for word in ("cores", "GiB", "Python 3"))
