"""Counts and oracles of the GDC are checked by one command; here against the simulated archive."""

import sys
from pathlib import Path

import pytest

from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import SimulationSettings

SIMULATION = SimulationSettings(
    seed=5, n_patients=24, n_genes=750, slices_min=4, slices_max=4, pixels=16, genes_drive_images=True,
    omics=("cn", "mutation", "methylation", "mirna", "rppa"),
)  # fmt: skip
COLUMNS = ["--column", "idh=IDH status", "codel=1p/19q"]
MANY = [f"{name}=10-24" for name in ("rna", "cn", "mutation", "methylation", "mirna", "rppa")]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_archive(SIMULATION, folder)
    return folder


def asked(benchmark, monkeypatch, *line: object) -> int:
    monkeypatch.setattr(sys, "argv", ["gdc_truth", *map(str, line)])
    return benchmark("gdc_truth").main()


def test_counts_and_oracles_of_the_simulated_archive_are_as_expected(
    benchmark, monkeypatch, archive: Path, tmp_path: Path, capsys
) -> None:
    table = archive / "labels.tsv"
    line = ["--folder", tmp_path, "--archive", archive, "--expected", *MANY, "--table", table]
    assert asked(benchmark, monkeypatch, *line, "--patient-column", "case", *COLUMNS) == 0
    said = capsys.readouterr().out
    assert said.count("\nok ") + said.startswith("ok ") == 8
    assert "another: 100.0%, expected 98% or more" in said
    rows = [one.split("\t") for one in table.read_text().splitlines()]
    at = rows[0].index("IDH status")
    turned = {"Mutant": "WT", "WT": "Mutant"}
    assert set(turned) & {row[at] for row in rows[1:]}
    other = tmp_path / "turned.tsv"
    changed = ([*row[:at], turned.get(row[at], row[at]), *row[at + 1 :]] for row in rows)
    other.write_text("".join("\t".join(row) + "\n" for row in changed))
    again = [*line[:-1], other, "--patient-column", "case", *COLUMNS]
    assert asked(benchmark, monkeypatch, *again) == 1
    assert "BAD idh: 0 patients have the class that mutation tells" in capsys.readouterr().out


def test_a_count_beside_the_expected_ones_is_named_and_nothing_is_fetched(
    benchmark, monkeypatch, archive: Path, tmp_path: Path, capsys
) -> None:
    line = ["--folder", tmp_path, "--archive", archive, "--counts-only", "--expected", *MANY[:-1], "rppa=400-460"]
    assert asked(benchmark, monkeypatch, *line) == 1
    assert "BAD rppa: " in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"locks"}
