"""The whole graph of jobs on a toy cohort: every stage makes its files, and a second run has nothing to do."""

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pandas._libs.parsers import STR_NA_VALUES

from mgi.cli import main

Toy = tuple[Path, str]
RUNS = ("mgi-fold0-seed0", "mgi-no-genes-fold0-seed0", "unet-fold0-seed0")


def test_every_stage_leaves_its_files(toy: Toy) -> None:
    results = toy[0] / "results/toy"
    names = [f"runs/{run}/{name}" for run in RUNS for name in ("weights.safetensors", "curves.jsonl", "run.json")]
    names += [f"{folder}/{run}.parquet" for run in RUNS for folder in ("predictions", "evaluation")]
    names += ["tables/cohort.tsv", "tables/split.tsv", "report.html", "summary.json"]
    assert [name for name in names if not (results / name).is_file()] == []


def test_every_job_has_a_log_and_a_benchmark(toy: Toy, jobs_of: Callable[[str], dict[str, int]]) -> None:
    results = toy[0] / "results/toy"
    n_jobs = sum(jobs_of(toy[1]).values())
    assert len(list((results / "logs").iterdir())) == n_jobs
    assert len(list((results / "benchmarks").iterdir())) == n_jobs


def test_a_second_run_has_nothing_to_do(toy: Toy, snakemake: Any) -> None:
    again = snakemake(toy[0], "--configfile", "config/toy.yaml")
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


def test_each_method_has_a_row_with_its_own_genes(toy: Toy) -> None:
    with (toy[0] / "results/toy/evaluation/results.csv").open(newline="") as table:
        rows = {(row["method"], row["expression_input"]) for row in csv.DictReader(table)}
    assert {
        ("mgi", "own"),
        ("mgi", "permuted"),
        ("mgi", "cohort_mean"),
        ("mgi-no-genes", "not_used"),
        ("unet", "not_used"),
    } <= rows


def test_no_value_of_a_table_is_a_word_that_readers_take_for_missing(toy: Toy) -> None:
    """Such as `null` or `none`, which pandas, R or a user's own reader turns into nothing."""
    words = {word.lower() for word in STR_NA_VALUES if word} | {"none"}
    folders = [toy[0] / "results/toy" / name for name in ("tables", "evaluation", "associate", "probe", "explain")]
    tables = [path for folder in folders for path in folder.rglob("*.[ct]sv")]
    assert len(tables) >= 5
    for path in tables:
        with path.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines, delimiter="\t" if path.suffix == ".tsv" else ","):
                assert not {f"{value}".strip().lower() for value in row.values()} & words, (path.name, row)


def test_the_report_says_that_the_cohort_is_simulated_and_loads_nothing(toy: Toy) -> None:
    page = (toy[0] / "results/toy/report.html").read_text()
    assert "SIMULATED" in page
    assert 'src="http' not in page
    assert '<link rel="stylesheet"' not in page


def test_the_config_beside_the_results_is_the_whole_one(toy: Toy) -> None:
    config = json.loads((toy[0] / "results/toy/config.json").read_text())
    assert config["simulation"]["n_patients"] == 16
    assert config["pretrain"]["schedule"]["weight_decay"] == 0.05


def test_every_file_of_the_results_is_what_was_written(toy: Toy, capsys: Any) -> None:
    results = toy[0] / "results/toy"
    assert main(["verify", "--results", str(results)]) == 0
    *_, counts = capsys.readouterr().out.splitlines()
    assert counts.endswith(" files read, 0 damaged or missing")
    assert int(counts.split()[0]) > 80


def test_snakemakes_own_report_holds_tables_figures_and_the_page(toy: Toy, snakemake: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.zip"
    done = snakemake(toy[0], "--configfile", "config/toy.yaml", "--report", str(path))
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(path) as report:
        names = {Path(name).name for name in report.namelist() if "/data/raw/" in name}
        page = report.read("out/report.html").decode()
    assert names == {
        "results.csv", "results_no_genes.csv", "tests.csv", "audit.csv", "cohort.tsv", "split_sites.tsv",
        "report.html", "patients.svg", "differences.svg", "sizes.svg", "agreement.svg", "audit.svg", "curves.svg",
        "overlays.png",
    }  # fmt: skip
    assert "The cohort is simulated" in page
