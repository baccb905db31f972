"""Training and prediction by hand: a results folder and a run's key, and no JSON."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mgi.cli import main
from mgi.core.files import read_json, write_json
from mgi.core.run import run_table
from mgi.models.settings import ModelSettings
from mgi.release.package import load_release
from mgi.shards.parquet import run_in
from mgi.training.weights import load_weights

KEY = "mgi-fold0-seed0"
RUNS = {"methods": ["mgi", "unet"], "folds": [0], "seeds": [0], "controls": []}


@pytest.fixture
def results(released, study, tmp_path: Path) -> Path:
    """A results folder before any training."""
    folder = tmp_path / "results"
    for part in ("shards", "prepared", "folds", "tables"):
        shutil.copytree(released.results / part, folder / part)
    shards = [str(folder / "shards" / name / "dataset.json") for name in ("flair", "rna")]
    tables = folder / "tables"
    given = [f"--split={tables}/split.parquet", f"--output={tables}/leaks.json", "--dataset", *shards]
    assert main(["check-leaks", *given]) == 0
    schedule = {"schedule": study.SCHEDULE}
    model = {**ModelSettings(**study.MODEL).plain(), "pathways": None}
    config = {"runs": RUNS, "external": None, "split": {"folds": 1}, "model": model, "predict": {"permutations": 2}}
    write_json(folder / "config.json", {**config, "pretrain": schedule, "finetune": schedule})
    return folder


def run(command: str, results: Path, key: str, *more: str) -> int:
    return main([command, f"--results={results}", f"--run={key}", *more])


def test_a_run_is_pretrained_trained_and_predicted_by_its_key(results: Path, study: Any) -> None:
    assert run("pretrain", results, "pretrain-fold0-seed0") == 0
    assert run("embed", results, "pretrain-fold0-seed0") == 0
    assert run_in(results / "embeddings/pretrain-fold0-seed0.parquet").is_pretraining
    assert run("finetune", results, KEY) == 0
    assert run("predict-fold", results, KEY) == 0
    assert run_in(results / f"predictions/{KEY}.parquet") == run_table(RUNS)[KEY]
    genes = [f"ENSG{index:03d}" for index in range(study.N_GENES)]
    mine, other = (
        load_weights(path, genes=genes).tensors
        for path in (results / f"runs/{KEY}/weights.safetensors", study.weights("mgi"))
    )
    assert all(mine[name].equal(other[name]) for name in other), "as trained with every option given"


def test_a_variant_is_trained_by_its_key_with_the_settings_that_it_changes(results: Path, study: Any) -> None:
    config = read_json(results / "config.json")
    changed = {"pretrain": {"temperature": 0.5}, "model": {"gene_encoder": "mlp"}, "finetune": True}
    config["runs"] = {**RUNS, "variants": {"flat": changed}}
    write_json(results / "config.json", config)
    assert run("pretrain", results, "pretrain-flat-fold0-seed0") == 0
    assert run("finetune", results, "mgi-flat-fold0-seed0") == 0
    assert run("predict-fold", results, "mgi-flat-fold0-seed0") == 0
    record = read_json(results / "runs/pretrain-flat-fold0-seed0/run.json")
    assert (record["settings"]["temperature"], record["run"]["variant"]) == (0.5, "flat")
    genes = [f"ENSG{index:03d}" for index in range(study.N_GENES)]
    weights = load_weights(results / "runs/mgi-flat-fold0-seed0/weights.safetensors", genes=genes)
    assert (weights.model.gene_encoder, weights.run.label) == ("mlp", "mgi-flat")
    assert run_in(results / "predictions/mgi-flat-fold0-seed0.parquet").variant == "flat"
    folder = results / "release"
    assert (
        main(["release", f"--weights={results}/runs/mgi-flat-fold0-seed0/weights.safetensors", f"--output={folder}"])
        == 0
    )
    assert load_release(folder).weights.model == weights.model


def test_an_option_that_is_given_counts_more_than_the_folder(results: Path, tmp_path: Path, study: Any) -> None:
    short = json.dumps({"schedule": {**study.SCHEDULE, "steps": 2}})
    assert run("finetune", results, "unet-fold0-seed0", f"--settings={short}", f"--record={tmp_path}/run.json") == 0
    assert json.loads((tmp_path / "run.json").read_text())["settings"]["schedule"]["steps"] == 2


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (
            ["--run=mgi-fold1-seed0"],
            2,
            f"--run: found mgi-fold1-seed0, expected one of pretrain-fold0-seed0, {KEY}",
        ),
        ([], 2, "--results and --run: "),
        (["--results=nowhere", f"--run={KEY}"], 5, "nowhere/config.json: missing"),
    ],
)
def test_what_cannot_be_found_is_one_line(results: Path, options: list[str], code: int, said: str, capsys) -> None:
    assert main(["finetune", f"--results={results}", *options]) == code
    assert said in capsys.readouterr().err


def test_without_a_folder_the_first_missing_option_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["finetune"]) == 2
    assert "--run-json: missing" in capsys.readouterr().err


def test_a_run_of_the_other_command_is_refused(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pretrain", results, KEY) == 2
    assert f"--run: found {KEY}, " in capsys.readouterr().err
    assert run("finetune", results, "pretrain-fold0-seed0") == 2
    assert "--run: found pretrain-fold0-seed0, " in capsys.readouterr().err


@pytest.mark.parametrize("lost", [False, True])
def test_a_split_that_was_not_checked_for_leaks_trains_nothing(results: Path, capsys: Any, lost: bool) -> None:
    leaks = results / "tables/leaks.json"
    report = read_json(leaks)
    leaks.unlink()
    if not lost:
        write_json(leaks, {**report, "checked": {**report["checked"], "split": "0" * 64}})
    assert run("finetune", results, "unet-fold0-seed0") == (5 if lost else 4)
    assert f"{leaks}: {'missing' if lost else 'checked: split: found 0000'}" in capsys.readouterr().err
