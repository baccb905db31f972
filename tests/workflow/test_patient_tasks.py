"""Classification and survival through the graph of jobs, from the simulated archive's labels to the report."""

import csv
from pathlib import Path
from typing import Any

import yaml

COLUMNS = {
    "patient_id": "case", "classes": {"codel": "1p/19q"}, "time_days": "OS days", "event": "vital status",
}  # fmt: skip
CONFIG = {
    "simulation": {"n_patients": 40},
    "split": {"validation_fraction": 0.4},
    "labels": {"source": "table", "table": "results/toy/archive/labels.tsv", "columns": COLUMNS},
    "runs": {"methods": ["mgi"], "folds": [0], "controls": ["no-image"]},
}
RUNS = {"classification": "mgi-classification-codel-fold0-seed0", "survival": "mgi-survival-fold0-seed0"}
HEADLINES = {"classification": "auc", "survival": "c_index"}


def test_tasks_of_labels_go_from_the_archive_to_the_report_and_a_rerun_has_nothing_to_do(
    tree: Path, snakemake: Any, jobs_of: Any
) -> None:
    results = tree / "results/toy"
    for task, target in (("classification", "codel"), ("survival", None)):
        chosen = {**CONFIG, "runs": {**CONFIG["runs"], "task": task, "target": target}}
        (tree / "task.yaml").write_text(yaml.safe_dump(chosen))
        given = ("--configfile", "config/toy.yaml", "task.yaml", "--cores", "2")
        done = snakemake(tree, *given)
        assert done.returncode == 0, done.stdout[-6000:]
        if task == "survival":
            earlier = {"pretrain", "shard", "split", "labels", "prepare_slices"}
            assert not earlier & set(jobs_of(done.stdout)), "what comes before is that of any task"
        with (results / "evaluation/results.csv").open(newline="") as table:
            rows = list(csv.DictReader(table))
        assert {row["task"] for row in rows} == {task}
        inputs = {(row["method"], row["expression_input"]) for row in rows if row["definition"] == HEADLINES[task]}
        assert {("mgi", "own"), ("mgi", "image_left_out"), ("mgi", "null_token"), ("mgi-no-image", "own")} <= inputs
        assert (results / f"predictions/{RUNS[task]}.parquet").is_file()
        page = (results / "report.html").read_text()
        assert ("<h2>Classes</h2>" if task == "classification" else "<h2>Survival</h2>") in page
        assert "Nothing to be done" in snakemake(tree, *given, "-n").stdout
