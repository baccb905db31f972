"""Labels from the simulated archive, by both sources, through the graph of jobs; and none where none are asked for."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

LABELS = "results/toy/tables/labels.parquet"
COLUMNS = {
    "patient_id": "case", "classes": {"codel": "1p/19q", "grade": "grade"}, "time_days": "OS days",
    "event": "vital status",
}  # fmt: skip
OWN = {"source": "table", "table": "results/toy/archive/labels.tsv", "columns": COLUMNS}


@pytest.fixture
def asking(tree: Path, snakemake: Any) -> Callable[..., Any]:
    """Run the toy workflow with a section `labels`."""

    def run(labels: dict[str, Any], *options: str) -> Any:
        (tree / "labels.yaml").write_text(yaml.safe_dump({"labels": labels}))
        return snakemake(tree, "--cores", "2", *options, "--configfile", "config/toy.yaml", "labels.yaml")

    return run


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as table:
        return {row["patient_id"]: row for row in csv.DictReader(table, delimiter="\t")}


def test_both_sources_give_a_row_a_patient_and_a_rerun_has_nothing_to_do(
    tree: Path, asking: Callable[..., Any], jobs_of: Callable[[str], dict[str, int]]
) -> None:
    done = asking(OWN, LABELS)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Nothing to be done" in asking(OWN, LABELS, "-n").stdout
    tables = tree / "results/toy/tables"
    own, cohort = rows_of(tables / "labels.tsv"), rows_of(tables / "cohort.tsv")
    assert list(own) == list(cohort)
    assert {row["codel"] for row in own.values()} == {"codel", "non-codel"}
    assert {row["simulated"] for row in own.values()} == {"true"}

    gdc = {"source": "gdc", "retry_base_s": 0.0}
    assert jobs_of(asking(gdc, LABELS, "-n", "--quiet", "rules").stdout) == {"fetch_labels": 1, "labels": 1}
    done = asking(gdc, LABELS)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Nothing to be done" in asking(gdc, LABELS, "-n").stdout
    told = rows_of(tables / "labels.tsv")
    assert list(told) == list(cohort)
    known = [patient for patient, row in told.items() if row["time_days"]]
    assert len(known) >= len(told) - 2
    assert [told[patient]["event"] for patient in known] == [own[patient]["event"] for patient in known]
    assert json.loads((tree / "results/toy/raw/labels/cases.json").read_text())["simulated"] is True


def test_the_targets_ask_for_labels_where_the_config_names_a_source(
    asking: Callable[..., Any], jobs_of: Callable[[str], dict[str, int]]
) -> None:
    for target in ("all", "data"):
        with_labels = jobs_of(asking({"source": "gdc"}, target, "-n", "--quiet", "rules").stdout)
        own = jobs_of(asking(OWN, target, "-n", "--quiet", "rules").stdout)
        without = jobs_of(asking({}, target, "-n", "--quiet", "rules").stdout)
        assert without
        assert "labels" not in without
        assert with_labels == {**without, "fetch_labels": 1, "labels": 1}
        assert own == {**without, "preflight_labels": 1, "labels": 1}


def test_a_table_that_is_not_there_stops_the_rule_in_a_line_that_names_it(asking: Callable[..., Any]) -> None:
    done = asking({**OWN, "table": "none.tsv"}, LABELS)
    assert done.returncode != 0
    assert "mgi preflight-labels: labels.table: none.tsv" in done.stdout
