"""Several trainings of a method predict with the mean of their logits, and no other weights pass for theirs."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.core.run import Run, run_table
from mgi.shards.parquet import run_in

SECTION = {"methods": ["mgi", "unet"], "folds": [0], "seeds": [0, 1], "controls": ["no-pretraining"], "ensemble": True}
TABLE = {key: run for key, run in run_table(SECTION).items() if run.control or run.method == "unet"}
ENSEMBLES = ["mgi-no-pretraining-ensemble-fold0-seed0", "unet-ensemble-fold0-seed0"]


def do(study: Any, command: str, run: Run, **options: object) -> int:
    """One command on the run, in a folder of its key."""
    code: int = study.run(command, run.key, run.method, run.control, **{"run-json": run.as_json(), **options})
    return code


def together(study: Any, key: str, members: list[Path]) -> int:
    """Predict as an ensemble with these weights."""
    run = TABLE[key]
    line = study.line("predict-fold", key, run.method, run.control, **{"run-json": run.as_json()})
    line = [part for part in line if not part.startswith("--weights=")]
    return main([*line, "--weights", *map(str, members)])


@pytest.fixture(scope="module")
def trained(write_study, tmp_path_factory) -> Any:
    study = write_study(tmp_path_factory.mktemp("ensemble"))
    for run in TABLE.values():
        if not run.members:
            assert do(study, "finetune", run) == 0
            assert do(study, "predict-fold", run) == 0
    for key in ENSEMBLES:
        assert together(study, key, [study.weights(one) for one in TABLE[key].trained]) == 0
    return study


def predicted(study: Any, key: str) -> np.ndarray:
    """All probabilities of a run's file, as bytes."""
    rows = pq.read_table(study.folder / f"predictions/{key}.parquet")["probability"].to_pylist()
    return np.concatenate([np.frombuffer(row, np.uint8) for row in rows]).astype(int)


@pytest.mark.parametrize("key", ENSEMBLES)
def test_an_ensemble_lies_between_its_members_wherever_they_differ(key: str, trained) -> None:
    first, second = (predicted(trained, one) for one in TABLE[key].trained)
    mean = predicted(trained, key)
    assert (first != second).any()
    assert (np.minimum(first, second) <= mean).all()
    assert (mean <= np.maximum(first, second)).all()
    far = abs(first - second) > 4
    assert far.any()
    assert (mean[far] != first[far]).all()
    assert (mean[far] != second[far]).all()


def test_the_file_says_that_it_is_of_an_ensemble(trained) -> None:
    run = run_in(trained.folder / f"predictions/{ENSEMBLES[1]}.parquet")
    assert (run.label, run.members) == ("unet-ensemble", ("unet-fold0-seed0", "unet-fold0-seed1"))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (["unet-fold0-seed0"], "--weights: found 1 files, expected those of unet-fold0-seed0, unet-fold0-seed1"),
        (["unet-fold0-seed0"] * 2, "the weights of unet-fold0-seed0, expected those of unet-fold0-seed1"),
        (
            ["unet-fold0-seed0", "mgi-no-pretraining-fold0-seed1"],
            "the weights of mgi-no-pretraining-fold0-seed1, expected those of unet-fold0-seed1",
        ),
    ],
)
def test_other_weights_than_the_members_are_refused(members: list[str], message: str, trained, capsys) -> None:
    capsys.readouterr()
    assert together(trained, ENSEMBLES[1], [trained.weights(one) for one in members]) == 5
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
