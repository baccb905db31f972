"""A task that is registered from a file of the tests goes through the commands as the built-in one does."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mgi.cli import main
from mgi.core.errors import ConfigError
from mgi.tasks import registry
from mgi.tasks.scoring import scoring_of


@pytest.fixture(autouse=True)
def plugin(monkeypatch) -> None:
    monkeypatch.setattr(registry, "_ADDED", {})
    import toy_task  # registers itself, but only when it is first imported

    registry.register(
        registry.Task(name="toy", learning=toy_task.learning, scoring=toy_task.Scoring, reporting=toy_task.Reporting)
    )


def test_it_is_trained_predicted_scored_and_compared(study: Any, run_of: Any, tmp_path: Path) -> None:
    scores = []
    for method in ("mgi", "unet"):
        key = f"toy-{method}"
        described = {"run-json": run_of(method, task="toy").as_json()}
        assert study.run("finetune", key, method, **described) == 0
        assert study.run("predict-fold", key, method, **described) == 0
        points = (study.folder / f"runs/{key}/curves.jsonl").read_text().splitlines()
        assert all("validation_accuracy" in json.loads(point) for point in points)
        scores.append(str(tmp_path / f"{key}.parquet"))
        predictions = study.folder / f"predictions/{key}.parquet"
        shard = study.folder / "images"
        assert (
            main(["evaluate", f"--predictions={predictions}", f"--image-shard={shard}", f"--output={scores[-1]}"]) == 0
        )
    tables = [f"--{name}={tmp_path / name}.csv" for name in ("results-table", "no-genes", "tests", "audit", "patients")]
    assert main(["compare", "--scores", *scores, f"--split={study.folder}/split.parquet", *tables]) == 0
    table = pd.read_csv(tmp_path / "results-table.csv")
    assert set(table["task"]) == {"toy"}
    assert set(table["definition"]) == {"agreement"}
    cases = set(zip(table["method"], table["expression_input"], strict=True))
    assert {("mgi", "own"), ("mgi", "permuted"), ("unet", "not_used")} <= cases
    assert not {"below_half", "zero"} & set(table.columns)
    assert pd.read_csv(tmp_path / "tests.csv")["method"].tolist() == ["unet"]
    assert pd.read_csv(tmp_path / "audit.csv")["condition"].tolist()[0] == "own"


def test_an_unknown_task_and_one_that_takes_a_built_in_name_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"runs\.task: .*grading.*segmentation, survival, toy"):
        scoring_of("grading")
    with pytest.raises(ConfigError, match=r"plugins: .*'segmentation'"):
        registry.register(registry.Task(name="segmentation", learning=dict, scoring=dict, reporting=dict))
