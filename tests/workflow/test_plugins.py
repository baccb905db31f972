"""A modality that a file of the user's adds goes through the graph of jobs, and nothing of ours knows it."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgi.shards.expression_shard import read_expression

PLUGIN = Path(__file__).parent / "plugins/toy_modality.py"
NUMBERS = {"P1": "1.5", "P2": "-2"}
OPTIONS = ("--configfile", "config/toy.yaml", "own.yaml", "--cores", "2")
TARGETS = [f"results/toy/{name}" for name in ("shards/toy/dataset.json", "tables/split.tsv", "tables/leaks.json")]


@pytest.fixture
def with_toy(tree: Path) -> Path:
    """A workflow whose config has the toy modality."""
    shutil.copyfile(PLUGIN, tree / "toy_modality.py")
    (tree / "numbers.txt").write_text("".join(f"{patient} {number}\n" for patient, number in NUMBERS.items()))
    own = {
        "plugins": ["toy_modality.py"],
        "modalities": {"toy": {"file": "numbers.txt", "batches": 2}},
        "cohort": {"require": ["rna", "flair"]},
    }
    (tree / "own.yaml").write_text(yaml.safe_dump(own))
    return tree


def test_a_toy_modality_goes_from_lock_to_shard(with_toy: Path, snakemake: Any, jobs_of: Any) -> None:
    done = snakemake(with_toy, *TARGETS, *OPTIONS)
    assert done.returncode == 0, done.stdout[-6000:]
    results = with_toy / "results/toy"
    assert json.loads((results / "locks/toy.json").read_text())["modality"] == "toy"
    assert sorted(path.name for path in (results / "raw/toy").glob("*.txt")) == ["P1.txt", "P2.txt"]
    shard = read_expression(results / "shards/toy")
    assert dict(zip(shard.patient_ids, shard.values[:, 0].tolist(), strict=True)) == {"P1": 1.5, "P2": -2.0}
    with (results / "tables/cohort.tsv").open(newline="") as table:
        rows = {row["patient_id"]: row for row in csv.DictReader(table, delimiter="\t")}
    assert {patient for patient, row in rows.items() if row["toy"] == "true"} == set(NUMBERS)
    assert (rows["P1"]["status"], rows["P1"]["reason"], rows["P1"]["site"]) == ("dropped", "no expression", "one site")
    kept = [row for row in rows.values() if row["status"] == "kept"]
    assert kept
    assert {row["toy_reason"] for row in kept} == {"no item"}
    assert json.loads((results / "tables/leaks.json").read_text())["compared"]["toy_vectors"] == len(NUMBERS)

    (with_toy / "toy_modality.py").write_text(PLUGIN.read_text() + "\n# edited\n")
    again = jobs_of(snakemake(with_toy, *TARGETS, "-n", "--quiet", "rules", *OPTIONS).stdout)
    assert {"lock", "fetch", "shard", "cohort"} <= set(again)


def test_a_plugin_that_is_not_there_stops_before_any_job(with_toy: Path, snakemake: Any) -> None:
    (with_toy / "toy_modality.py").unlink()
    stopped = snakemake(with_toy, "-n", *OPTIONS)
    assert stopped.returncode != 0
    assert "config: plugins: found toy_modality.py, expected a Python file" in stopped.stdout
