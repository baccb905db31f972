"""Attributions through the graph of jobs: tables and report of a finished toy run, and a refusal before any job."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

SECTION = {
    "patients": 2, "slices": 1, "noise_samples": 1, "gene_sets": "results/toy/archive/latent_factors.gmt",
}  # fmt: skip
Toy = tuple[Path, str]


@pytest.fixture
def finished(toy: Toy, tmp_path: Path) -> Path:
    """A finished toy run of one's own: other tests must find theirs as it was."""
    return Path(shutil.copytree(toy[0], tmp_path / "toy", symlinks=True))


@pytest.fixture
def explaining(finished: Path, snakemake: Any) -> Callable[..., Any]:
    """Run the finished toy on, with a section `explain`."""

    def run(section: dict[str, Any], *options: str) -> Any:
        (finished / "explain.yaml").write_text(yaml.safe_dump({"explain": section}))
        return snakemake(finished, "--cores", "2", *options, "--configfile", "config/toy.yaml", "explain.yaml")

    return run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as table:
        return list(csv.DictReader(table))


def test_runs_are_explained_beside_permuted_pairs_and_the_report_has_them(
    finished: Path, explaining: Callable[..., Any], jobs_of: Callable[[str], dict[str, int]]
) -> None:
    jobs = jobs_of(explaining(SECTION, "-n", "--quiet", "rules").stdout)
    assert jobs == {"pretrain": 1, "explain": 3, "explain_tables": 1, "record_config": 1, "report": 1}
    done = explaining(SECTION)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Nothing to be done" in explaining(SECTION, "-n").stdout
    results = finished / "results/toy"
    checks = rows_of(results / "explain/checks.csv")
    assert {row["run"] for row in checks if row["check"] == "permuted_pairs"} == {"pretrain-fold0-seed0"}
    assert {row["passed"] for row in checks if row["check"] == "completeness"} == {"yes"}
    sets = {row["gene_set"] for row in rows_of(results / "explain/gene_sets.csv")}
    assert sets == {"side", "size", "margin", "contrast"}
    page = (results / "report.html").read_text()
    assert 'id="explain"' in page
    assert "Which genes the answers rest on" in page

    # What the tables alone read explains nobody again.
    again = jobs_of(explaining({**SECTION, "top": 5}, "-n", "--quiet", "rules").stdout)
    assert again == {"explain_tables": 1, "record_config": 1, "report": 1}


def test_a_value_that_no_run_has_stops_before_any_job(explaining: Callable[..., Any]) -> None:
    (refused,) = [
        line for line in explaining({"values": ["mask"], "patients": 0}, "-n").stdout.splitlines() if "config:" in line
    ]
    assert "explain.patients: found 0" in refused
