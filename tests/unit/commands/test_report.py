"""The report on a results folder made up here: discs for lesions, and methods that miss them by known amounts."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from made_up_report import SHIFTS, build, write_tables
from mgi.cli import main


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("results"), simulated=True)


class Outline(HTMLParser):
    """Collects what a page would fetch, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_page_needs_nothing_from_outside(results: Path) -> None:
    html = (results / "report.html").read_text()
    outline = Outline()
    outline.feed(html)
    assert all(address.startswith(("data:", "#")) for address in outline.addresses)
    assert not {"link", "iframe"} & set(outline.tags)
    assert "fetch(" not in html
    assert "import" not in "".join(re.findall(r"<script>(.*?)</script>", html, re.DOTALL))
    assert outline.tags.count("img") == 7
    assert "url(" not in html
    assert 'name="viewport"' in html


def test_a_simulated_cohort_is_called_so_in_title_banner_and_lead(results: Path) -> None:
    html = (results / "report.html").read_text()
    assert "<title>SIMULATED: A made-up cohort</title>" in html
    assert "SIMULATED DATA" in html
    assert "20 simulated patients" in html


def test_the_page_s_figures_are_files_as_well(results: Path) -> None:
    html = (results / "report.html").read_text()
    files = sorted((results / "figures").iterdir())
    assert [path.name for path in files] == [
        "agreement.svg", "audit.svg", "curves.svg", "differences.svg", "overlays.png", "patients.svg", "sizes.svg",
    ]  # fmt: skip
    assert all(base64.b64encode(path.read_bytes()).decode() in html for path in files)


def test_a_failure_shows_the_tumour_what_was_missed_and_marked_and_how_the_others_did(results: Path) -> None:
    (row,) = re.findall(r'<span class="under">worst</span></th>(.*)</tr>', (results / "report.html").read_text())
    tumour, dice, missed, outside, said, others = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert re.fullmatch(r"1,\d{3} voxels on 7 slices", tumour)
    assert (dice, missed, outside, said) == ("0.051", "97%", "0%", "most of the tumour is missed")
    assert re.fullmatch(r"U-Net 0\.\d{3}, ResU-Net 0\.\d{3}, Attention U-Net 0\.\d{3}, DeepLabv3\+ 0\.\d{3}", others)


def test_the_summary_counts_the_cohort(results: Path) -> None:
    cohort = json.loads((results / "summary.json").read_text())["cohort"]
    assert cohort == {
        "patients": 20, "slices": 200, "genes": 500, "tested": 20, "train": 8, "validation": 2,
        "found": {"rna": 24, "flair": 27},
        "dropped": {"no expression": 3, "no mask": 2, "image rejected": 2},
    }  # fmt: skip


def test_the_summary_agrees_with_the_tables(results: Path) -> None:
    summary = json.loads((results / "summary.json").read_text())
    table = pd.read_csv(results / "results-table.csv", keep_default_na=False)
    assert len(summary["results"]) == len(table)
    assert set(summary["audit"]) == {"own", "permuted", "cohort_mean", "null_token", "no-genes"}
    assert set(summary["audit"]["own"]) == {"mean", "n"}
    assert summary["audit"]["permuted"]["low"] > 0  # predictions with others' genes were made worse
    assert {test["method"] for test in summary["tests"]} == {method for method, _ in SHIFTS} - {"mgi"} | {
        "mgi-no-genes"
    }
    assert summary["simulated"] is True
    assert len(summary["config_sha256"]) == 64
    assert {"python", "mgi", "numpy"} <= set(summary["versions"])
    assert summary["commit"] is None or re.fullmatch("[0-9a-f]{40}(-dirty)?", summary["commit"])
    assert "cores" in summary["machine"]


def test_the_summary_adds_up_what_rules_cost(results: Path) -> None:
    rules = json.loads((results / "summary.json").read_text())["rules"]
    assert rules == [
        {"rule": "cohort", "jobs": 1, "wall_seconds": 1.4, "peak_mb": None},
        {"rule": "finetune", "jobs": 2, "wall_seconds": 133, "peak_mb": 812.4},
    ]


def test_the_lead_states_the_table_s_mean_and_interval(results: Path) -> None:
    html = (results / "report.html").read_text()
    table = pd.read_csv(results / "results-table.csv", keep_default_na=False)
    row = table[
        (table["method"] == "mgi") & (table["expression_input"] == "own") & (table["definition"] == "volume")
    ].iloc[0]
    lead = re.search(r'<p class="lead">(.*?)</p>', html, re.DOTALL)
    assert lead is not None
    assert f"{float(row['mean']):.3f} (95 % CI {float(row['low']):.3f} to {float(row['high']):.3f}" in lead[1]


def test_the_sparest_call_still_gives_a_page(results: Path, tmp_path: Path) -> None:
    """Only what is required, on real data: no predictions, no curves, no benchmarks, no genes."""
    write_tables(tmp_path, simulated=False)
    files = {"cohort": "cohort.parquet", "split": "split.parquet", "config": "config.json", "output": "report.html",
             "summary": "summary.json"}  # fmt: skip
    given = [f"--{name}={tmp_path / file}" for name, file in files.items()]
    given += ["--locks", str(tmp_path / "rna.json"), str(tmp_path / "flair.json")]
    given += [f"--{name}={results / name}.csv" for name in ("results-table", "no-genes", "tests", "audit", "patients")]
    assert main(["report", *given, f"--image-shard={results}"]) == 0
    html = (tmp_path / "report.html").read_text()
    assert "simulated" not in html.lower()
    assert json.loads((tmp_path / "summary.json").read_text())["cohort"]["genes"] is None
