"""Scores of runs: each once, and of patients whom the split tests."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.evaluation.patient_scores import SCORES
from mgi.evaluation.score_files import read_scores, require_tested
from mgi.shards.parquet import write_table

SPLIT = pd.DataFrame(
    {"fold": [0, 0, 0], "patient_id": ["A", "B", "C"], "site": "CS", "role": ["test", "train", "unpaired_image"]}
)


def write(path: Path, method: str = "unet", patients: tuple[str, ...] = ("A", "C"), **more: str) -> Path:
    run = Run(task="segmentation", method=method, inputs=("flair",), fold=0, seed=0, **more)
    of_run = {"run": run.key, "task": run.task, "method": run.label, "fold": 0, "seed": 0}
    rows = [
        {**of_run, "expression_input": "not_used", "patient_id": one, "definition": "volume", "value": 0.5}
        for one in patients
    ]
    write_table(path, pa.Table.from_pylist(rows, schema=SCORES.with_metadata({"run": run.as_json()})))
    return path


def test_scores_of_two_runs_are_read(tmp_path: Path) -> None:
    scores = read_scores([write(tmp_path / "a.parquet"), write(tmp_path / "b.parquet", "resunet")])
    assert set(scores["method"]) == {"unet", "resunet"}
    require_tested(scores, SPLIT, "split")


def test_the_scores_of_one_run_in_place_of_anothers_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"b\.parquet: scores of unet-fold0-seed0, as .*a\.parquet"):
        read_scores([write(tmp_path / "a.parquet"), write(tmp_path / "b.parquet")])


def test_a_leaky_run_is_read_only_where_it_is_wanted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", split_unit="slice")
    assert set(read_scores([path])["split_unit"]) == {"slice"}
    with pytest.raises(BadInputError, match=r"a\.parquet: split_unit: found slice"):
        read_scores([path], leaky=False)


@pytest.mark.parametrize("patient", ["B", "D"])
def test_a_scored_patient_whom_the_split_does_not_test_is_named(tmp_path: Path, patient: str) -> None:
    scores = read_scores([write(tmp_path / "a.parquet", patients=("A", patient))])
    with pytest.raises(BadInputError, match=rf"split: fold 0: {patient} has scores and is not tested"):
        require_tested(scores, SPLIT, "split")
