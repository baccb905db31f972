"""A task from a file of the tests, named in the config: the graph of jobs trains, predicts, scores and reports it."""

import csv
import shutil
from pathlib import Path
from typing import Any

import yaml

PLUGIN = Path(__file__).parents[1] / "toy_task.py"
RUNS = {"task": "toy", "methods": ["mgi", "unet"], "controls": []}


def test_a_task_of_a_plugin_goes_from_the_cohort_to_the_report(
    toy: tuple[Path, str], tmp_path: Path, snakemake: Any, jobs_of: Any
) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(toy[0], folder, symlinks=True)  # the finished run of others stays as it is
    (folder / "task.yaml").write_text(yaml.safe_dump({"plugins": [str(PLUGIN)], "runs": RUNS}))
    done = snakemake(folder, "--configfile", "config/toy.yaml", "task.yaml", "--cores", "2", "--quiet", "rules")
    assert done.returncode == 0, done.stdout[-6000:]
    assert not {"pretrain", "shard", "split"} & set(jobs_of(done.stdout)), "what comes before is that of any task"
    results = folder / "results/toy"
    with (results / "evaluation/results.csv").open(newline="") as table:
        rows = {(row["task"], row["method"], row["expression_input"]) for row in csv.DictReader(table)}
    assert {("toy", "mgi", "own"), ("toy", "mgi", "permuted"), ("toy", "unet", "not_used")} <= rows
    assert (results / "runs/mgi-toy-fold0-seed0/weights.safetensors").is_file()
    assert "<h2>Toy</h2>" in (results / "report.html").read_text()
