import math
import subprocess
from pathlib import Path

import pytest

import mgi
from mgi.core.errors import BadInputError
from mgi.reporting.provenance import commit, config_sha256, machine, rule_costs, versions


def write_benchmark(path: Path, seconds: str, memory: str) -> None:
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n")


def test_jobs_of_a_rule_are_added_up_and_memory_is_the_largest(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "fetch_images-1-of-2.tsv", "2.5", "100")
    write_benchmark(tmp_path / "fetch_images-2-of-2.tsv", "1.5", "250.5")
    write_benchmark(tmp_path / "cohort.tsv", "1", "-")
    cohort, fetch = rule_costs(tmp_path)
    assert fetch == {"rule": "fetch_images", "jobs": 2, "wall_seconds": 4.0, "peak_mb": 250.5}
    assert cohort["rule"] == "cohort"
    assert math.isnan(cohort["peak_mb"])


def test_no_benchmarks_are_no_costs(tmp_path: Path) -> None:
    assert rule_costs(tmp_path) == []
    assert rule_costs(tmp_path / "absent") == []


def test_a_benchmark_without_seconds_is_refused_by_name(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "cohort.tsv", "soon", "1")
    with pytest.raises(BadInputError, match=r"cohort\.tsv: column 's' .*'soon'"):
        rule_costs(tmp_path)


def test_the_config_digest_depends_on_content_alone() -> None:
    assert config_sha256({"a": 1, "b": [2]}) == config_sha256({"b": [2], "a": 1})
    assert config_sha256({"a": 1}) != config_sha256({"a": 2})
    assert config_sha256({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_versions_name_python_and_this_package_and_omit_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mgi.reporting.provenance.PACKAGES", ("numpy", "no-such-package"))
    assert set(versions()) == {"python", "mgi", "numpy"}


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", folder, *named, *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package in the folder that the tests take for mgi's."""
    file = tmp_path / "repository/src/package/__init__.py"
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.setattr(mgi, "__file__", str(file))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return file


def test_the_commit_is_of_the_repository_that_holds_the_package_and_says_where_files_differ(package: Path) -> None:
    root = package.parents[2]
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    head = git(root, "rev-parse", "HEAD").strip()
    assert commit() == head
    package.write_text("changed = True\n")
    assert commit() == f"{head}-dirty"


def test_another_repository_s_commit_is_not_taken_for_the_package_s(package: Path) -> None:
    root = package.parents[2]
    git(root, "init")
    (root / "notes.txt").touch()
    git(root, "add", "notes.txt")
    git(root, "commit", "-m", "without the package")
    assert commit() is None


def test_outside_of_a_repository_there_is_no_commit(package: Path) -> None:
    assert commit() is None


def test_a_machine_is_told_by_its_cores_memory_and_python() -> None:
    assert all(word in machine() for word in ("cores", "GiB", "Python 3"))


@pytest.mark.parametrize(
    "content", [b"", b"s\tmax_rss\n\xff\t1\n", b's\tmax_rss\n"1\t2\n', b"s\tmax_rss\n1\t2\t3\t4\n1\t2\n"]
)
def test_a_damaged_table_of_costs_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "shard-rna.tsv").write_bytes(content)
    with pytest.raises(BadInputError, match=r"shard-rna\.tsv: "):
        rule_costs(tmp_path)
