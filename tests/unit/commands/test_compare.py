from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from mgi.cli import main
from mgi.cohort.split import TEST, UNPAIRED_IMAGE, SplitRow
from mgi.cohort.tables import write_split
from mgi.core.run import Run
from mgi.evaluation.patient_scores import SCORES
from mgi.shards.parquet import write_table
from mgi.tasks.segmentation.scoring import COUNTS, DICE_DEFINITIONS, OTHER_SCORES

PATIENTS = [f"TCGA-CS-000{i}" for i in range(3)]


def write_scores(path: Path, method: str, by_input: dict[str, list[float]]) -> str:
    """A run whose every definition is worth the given number, a patient per number."""
    rows = [
        {"run": path.stem, "task": "segmentation", "method": method, "expression_input": given, "fold": 0, "seed": 0,
         "patient_id": PATIENTS[i], "definition": name, "value": value}
        for given, values in by_input.items()
        for i, value in enumerate(values)
        for name in (*DICE_DEFINITIONS, *OTHER_SCORES, *COUNTS)
    ]  # fmt: skip
    run = Run(task="segmentation", method=method, inputs=("flair",), fold=0, seed=0)
    write_table(path, pa.Table.from_pylist(rows, schema=SCORES.with_metadata({"run": run.as_json()})))
    return str(path)


def compare(
    folder: Path, scores: list[str], settings: str = '{"bootstrap_draws": 200}', unpaired_image: tuple[str, ...] = ()
) -> int:
    rows = [SplitRow(0, one, "CS", UNPAIRED_IMAGE if one in unpaired_image else TEST) for one in PATIENTS]
    write_split(rows, folder / "split.parquet")
    tables = [f"--{name}={folder / name}.csv" for name in ("results-table", "no-genes", "tests", "audit", "patients")]
    return main(["compare", "--scores", *scores, f"--split={folder}/split.parquet", "--settings", settings, *tables])


def test_compare_writes_tables_that_agree(tmp_path: Path) -> None:
    mgi = {"own": [0.8, 0.6, 0.7], "permuted-0": [0.5, 0.5, 0.5], "permuted-1": [0.7, 0.5, 0.3]}
    scores = [
        write_scores(tmp_path / "mgi.parquet", "mgi", mgi),
        write_scores(tmp_path / "twin.parquet", "mgi-no-genes", {"not_used": [0.7, 0.5, 0.6]}),
        write_scores(tmp_path / "prints.parquet", "mgi-random-id", {"own": [0.5] * 3, "null_token": [0, 0, 0]}),
        write_scores(tmp_path / "scratch.parquet", "mgi-no-pretraining", {"own": [0.9, 0.7, 0.8]}),
        write_scores(tmp_path / "unet.parquet", "unet", {"not_used": [0.6, 0.4, 0.5]}),
    ]
    assert compare(tmp_path, scores) == 0
    tests = pd.read_csv(tmp_path / "tests.csv").set_index("method")
    assert tests["difference"].to_dict() == {
        "mgi-random-id": pytest.approx(0.2), "mgi-no-genes": pytest.approx(0.1),
        "mgi-no-pretraining": pytest.approx(-0.1), "unet": pytest.approx(0.2),
    }  # fmt: skip
    audit = pd.read_csv(tmp_path / "audit.csv", keep_default_na=False).set_index("condition")
    assert list(audit.index) == ["own", "permuted", "random-id", "no-genes", "no-pretraining"]
    differences = audit.loc[["permuted", "random-id", "no-genes", "no-pretraining"], "difference"].astype(float)
    assert differences.tolist() == pytest.approx([0.2, 0.2, 0.1, -0.1])
    dice = pd.read_csv(tmp_path / "results-table.csv", keep_default_na=False)
    assert len(dice) == 7 * (len(DICE_DEFINITIONS) + 1 + len(OTHER_SCORES))
    assert len(pd.read_csv(tmp_path / "patients.csv")) == 7 * 3


def test_patients_without_expression_are_in_the_table_without_genes_alone(tmp_path: Path) -> None:
    scores = [
        write_scores(tmp_path / "mgi.parquet", "mgi", {"own": [0.8, 0.6], "null_token": [0.7, 0.5, 0.3]}),
        write_scores(tmp_path / "unet.parquet", "unet", {"not_used": [0.6, 0.4, 0.2]}),
    ]
    assert compare(tmp_path, scores, unpaired_image=(PATIENTS[2],)) == 0
    means = {}
    for name in ("results-table", "no-genes"):
        table = pd.read_csv(tmp_path / f"{name}.csv", keep_default_na=False)
        rows = table[table["definition"] == "volume"].set_index(["method", "expression_input"])
        means[name] = {index: (float(row["mean"]), row["n"]) for index, row in rows.iterrows()}
    one_apart = {("mgi", "own"): (0.7, 2), ("mgi", "null_token"): (0.6, 2), ("unet", "not_used"): (0.5, 2)}
    assert means["results-table"] == {index: pytest.approx(found) for index, found in one_apart.items()}
    everybody = {("mgi", "null_token"): (0.5, 3), ("unet", "not_used"): (0.4, 3)}
    assert means["no-genes"] == {index: pytest.approx(found) for index, found in everybody.items()}
    for name, n in (("tests", 2), ("audit", 2)):
        assert set(pd.read_csv(tmp_path / f"{name}.csv", keep_default_na=False)["n"]) == {n}
    assert set(pd.read_csv(tmp_path / "patients.csv")["patient_id"]) == set(PATIENTS[:2])


def test_the_order_of_the_runs_changes_no_byte(tmp_path: Path) -> None:
    scores = [
        write_scores(tmp_path / "mgi.parquet", "mgi", {"own": [0.8, 0.6]}),
        write_scores(tmp_path / "unet.parquet", "unet", {"not_used": [0.6, 0.4]}),
    ]
    first, second = tmp_path / "first", tmp_path / "second"
    assert compare(first, scores) == compare(second, scores[::-1]) == 0
    for name in ("results-table", "no-genes", "tests", "audit", "patients"):
        assert (first / f"{name}.csv").read_bytes() == (second / f"{name}.csv").read_bytes()


def test_without_mgi_there_are_scores_but_nothing_to_test(tmp_path: Path) -> None:
    scores = [write_scores(tmp_path / "unet.parquet", "unet", {"not_used": [0.6, 0.4]})]
    assert compare(tmp_path, scores) == 0
    assert pd.read_csv(tmp_path / "tests.csv").empty
    assert pd.read_csv(tmp_path / "audit.csv").empty


@pytest.mark.parametrize("settings", ['{"headline": "best"}', '{"bootstrap_draws": 0}', '{"bootstraps": 5}'])
def test_settings_that_mean_nothing_are_refused(
    tmp_path: Path, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = [write_scores(tmp_path / "unet.parquet", "unet", {"not_used": [0.6]})]
    assert compare(tmp_path, scores, settings) == 2
    assert "mgi compare: evaluation" in capsys.readouterr().err


def test_a_table_that_is_not_scores_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "x.parquet", pa.table({"a": [1]}))
    assert compare(tmp_path, [str(tmp_path / "x.parquet")]) == 5


def test_scores_of_patients_without_expression_alone_are_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = [write_scores(tmp_path / "unet.parquet", "unet", {"not_used": [0.6, 0.4, 0.5]})]
    assert compare(tmp_path, scores, unpaired_image=tuple(PATIENTS)) == 5
    assert "unet.parquet: found no score of a tested patient with expression" in capsys.readouterr().err
