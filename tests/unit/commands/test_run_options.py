"""A path with {run} stands for the files of all runs of the section that is given."""

import json
from pathlib import Path

import pytest

from mgi.commands._run_options import of_each_run
from mgi.core.errors import ConfigError
from mgi.core.run_choice import by_patient, by_slice, evaluated

RUNS = json.dumps(
    {
        "methods": ["mgi", "unet"], "controls": [], "folds": [0], "seeds": [0, 1],
        "leaky_slice_split": {"methods": ["unet"], "controls": [], "folds": [0], "seeds": [0]},
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "keys"),
    [
        (evaluated, ["mgi-fold0-seed0", "mgi-fold0-seed1", "unet-fold0-seed0", "unet-fold0-seed1"]),
        (by_slice, ["unet-slice-fold0-seed0"]),
    ],
)
def test_each_chosen_run_takes_the_place_of_the_braces(chosen, keys: list[str]) -> None:
    paths = [Path("a {b}/{run}.parquet"), Path("by-hand.parquet")]
    assert of_each_run(paths, RUNS, chosen) == [
        Path("by-hand.parquet"), *(Path(f"a {{b}}/{key}.parquet") for key in keys),
    ]  # fmt: skip


def test_pre_training_has_curves_too() -> None:
    names = [path.parent.name for path in of_each_run([Path("runs/{run}/curves.jsonl")], RUNS, by_patient)]
    assert names[:2] == ["pretrain-fold0-seed0", "pretrain-fold0-seed1"]


def test_braces_without_runs_are_refused() -> None:
    assert of_each_run([Path("a.parquet")], None, evaluated) == [Path("a.parquet")]
    with pytest.raises(ConfigError, match=r"^\{run\}\.parquet: found \{run\}, expected --runs to say which$"):
        of_each_run([Path("{run}.parquet")], None, evaluated)
