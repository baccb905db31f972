"""Classification and survival by the commands: trained on labels, predicted without them, scored and compared."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.labels import Labels, PatientLabels
from mgi.core.run import Run
from mgi.shards.parquet import run_in
from several_modalities import HAVE, Several, register_rooms

TABLES = ("results-table", "no-genes", "tests", "audit", "patients")
CLASSES = ("low", "high", "low", "high", "low", "high", "low", "high", None, None, "low")
DAYS = (100, 200, 300, 400, 150, 250, 350, 60, None, None, 500)
CONTROLS = (None, "no-genes", "no-image")


def write(folder: Path, patients: list[str], classes: Any = CLASSES, days: Any = DAYS, **more: Any) -> Path:
    """Labels of the study's patients; everybody but the last has the event."""
    rows = {
        patient: PatientLabels(classes={"grade": name}, time_days=time, event=None if time is None else time < 450)
        for patient, name, time in zip(patients, classes, days, strict=True)
    }
    labels = Labels(
        patients=rows, place="own.csv", source="own.csv", column_of={"grade": "Grade"}, endpoint="OS",
        survival_source="own.csv",
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    write_labels(labels.beside(patients), folder / "labels.parquet", folder / "labels.tsv", **more)
    return folder / "labels.parquet"


def described(run_of: Any, task: str, control: str | None = None) -> Run:
    inputs = {"no-genes": ("flair",), "no-image": ("rna",)}.get(control or "", ("flair", "rna"))
    target = "grade" if task == "classification" else None
    run: Run = run_of("mgi", control, task=task, target=target, inputs=inputs)
    return run


def finetune(study: Any, key: str, run: Run, labels: Path, **options: Any) -> int:
    more = {"run-json": run.as_json(), "labels": labels, "task-settings": '{"slices": 2}'} | options
    done: int = study.run("finetune", key, **more)
    return done


def predict(study: Any, key: str, run: Run, **options: Any) -> Path:
    assert study.run("predict-fold", key, **({"run-json": run.as_json()} | options)) == 0
    return Path(study.folder / f"predictions/{key}.parquet")


def evaluate(study: Any, predictions: Path, labels: Path, output: Path) -> int:
    given = [f"--predictions={predictions}", f"--image-shard={study.folder / 'images'}", f"--output={output}"]
    done: int = main(["evaluate", *given, f"--labels={labels}", f"--split={study.folder / 'split.parquet'}"])
    return done


@pytest.mark.parametrize(
    ("task", "headline", "definitions"),
    [
        (
            "classification", "auc",
            {"auc", "balanced_accuracy", "brier", "brier_uncalibrated", "ece", "ece_uncalibrated"},
        ),
        ("survival", "c_index", {"c_index", "c_index_uno", "integrated_brier", "integrated_brier_no_model"}),
    ],
)  # fmt: skip
def test_a_task_goes_from_labels_to_tables(
    study: Any, run_of: Any, tmp_path: Path, task: str, headline: str, definitions: set[str]
) -> None:
    labels, scores = write(tmp_path, study.patients), []
    for control in CONTROLS:
        run = described(run_of, task, control)
        assert finetune(study, run.key, run, labels, pretrained=study.weights("pretrain")) == 0
        predictions = predict(study, run.key, run)
        assert run_in(predictions) == run
        scores.append(str(tmp_path / f"{run.key}.parquet"))
        assert evaluate(study, predictions, labels, Path(scores[-1])) == 0
        record = json.loads((study.folder / f"runs/{run.key}/run.json").read_text())
        assert record["head"] == json.loads(pq.read_schema(predictions).metadata[b"head"])
    tables = [f"--{name}={tmp_path / name}.csv" for name in TABLES]
    settings = '{"bootstrap_draws": 50}'
    split = f"--split={study.folder}/split.parquet"
    assert main(["compare", "--scores", *scores, split, f"--settings={settings}", *tables]) == 0
    results = pd.read_csv(tmp_path / "results-table.csv")
    assert set(results["definition"]) == definitions
    assert set(results["task"]) == {task}
    cases = set(zip(results["method"], results["expression_input"], strict=True))
    inputs = {"own", "permuted", "cohort_mean", "null_token", "image_left_out"}
    assert cases == {
        *(("mgi", given) for given in inputs), ("mgi-no-genes", "not_used"), ("mgi-no-image", "own"),
        ("mgi-no-image", "permuted"),
    }  # fmt: skip
    assert set(results["n"]) == {2}
    audit = pd.read_csv(tmp_path / "audit.csv").set_index("condition")
    assert set(audit.index) == {*inputs, "no-genes", "no-image"}
    chosen = results[(results["method"] == "mgi") & (results["definition"] == headline)].set_index("expression_input")
    assert audit.loc["own", "mean"] == chosen.loc["own", "mean"]
    assert set(pd.read_csv(tmp_path / "tests.csv")["method"]) == {"mgi-no-genes", "mgi-no-image"}
    everybody = pd.read_csv(tmp_path / "no-genes.csv")
    assert everybody.set_index("method").loc["mgi", "n"].iloc[0] == 3, "also the patient without expression"


@pytest.mark.parametrize("task", ["classification", "survival"])
def test_labels_of_test_patients_change_no_weight_and_no_prediction(
    study: Any, run_of: Any, tmp_path: Path, task: str
) -> None:
    swapped = [*range(6), 7, 6, 8, 9, 10]
    labels = write(tmp_path / "true", study.patients)
    shuffled = write(
        tmp_path / "shuffled", study.patients, [CLASSES[row] for row in swapped], [DAYS[row] for row in swapped]
    )
    run, found = described(run_of, task), []
    for name, path in (("true", labels), ("shuffled", shuffled)):
        key = f"{task}-{name}"
        assert finetune(study, key, run, path) == 0
        found.append((study.weights(key).read_bytes(), predict(study, key, run).read_bytes()))
    assert found[0] == found[1]
    scores = [tmp_path / f"{name}.scores.parquet" for name in ("true", "shuffled")]
    for path, output in ((labels, scores[0]), (shuffled, scores[1])):
        assert evaluate(study, study.folder / f"predictions/{task}-true.parquet", path, output) == 0
    assert scores[0].read_bytes() != scores[1].read_bytes()


def test_labels_of_training_patients_do_change_the_weights(study: Any, run_of: Any, tmp_path: Path) -> None:
    run = described(run_of, "classification")
    other = ("high", "low", "low", "high", *CLASSES[4:])
    for name, classes in (("ours", CLASSES), ("theirs", other)):
        assert finetune(study, name, run, write(tmp_path / name, study.patients, classes)) == 0
    assert study.weights("ours").read_bytes() != study.weights("theirs").read_bytes()


def test_a_second_training_gives_the_same_bytes(study: Any, run_of: Any, tmp_path: Path) -> None:
    run, labels = described(run_of, "survival"), write(tmp_path, study.patients)
    for key in ("once", "twice"):
        assert finetune(study, key, run, labels, **{"task-settings": '{"hazard": "discrete", "slices": 2}'}) == 0
    assert study.weights("once").read_bytes() == study.weights("twice").read_bytes()


def test_a_circular_label_is_marked_in_the_table_or_refused(
    study: Any, run_of: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = described(run_of, "classification")
    labels = write(tmp_path / "marked", study.patients, read_off={"grade": ["rna"]})
    assert finetune(study, "circular", run, labels) == 0
    assert evaluate(study, predict(study, "circular", run), labels, tmp_path / "s.parquet") == 0
    tables = [f"--{name}={tmp_path / name}.csv" for name in TABLES]
    split = f"--split={study.folder}/split.parquet"
    given = ["--scores", str(tmp_path / "s.parquet"), split, '--settings={"bootstrap_draws": 10}', *tables]
    assert main(["compare", *given]) == 0
    assert set(pd.read_csv(tmp_path / "results-table.csv")["circular"]) == {"grade is read off rna"}
    refused = write(tmp_path / "refused", study.patients, read_off={"grade": ["rna"]}, refuses_circular=True)
    assert finetune(study, "refused", run, refused) != 0
    assert "labels.read_off: grade is read off rna" in capsys.readouterr().err
    without = described(run_of, "classification", "no-genes")
    assert finetune(study, "not-circular", without, refused) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": None}, "--labels: missing, expected it for the task classification"),
        ({"task-settings": '{"hiden": 1}'}, "classification.hiden: unknown key"),
        ({"run-json": "other"}, "runs.target: found idh, expected one of grade"),
    ],
)
def test_what_is_missing_or_unknown_is_said_in_one_line(
    study: Any, run_of: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], message: str
) -> None:
    run = described(run_of, "classification")
    labels = write(tmp_path, study.patients)
    other = json.dumps({**run.record(), "target": "idh"})
    given = {"run-json": run.as_json(), "labels": labels, "task-settings": "{}"} | options
    given = {name: other if value == "other" else value for name, value in given.items() if value is not None}
    assert study.run("finetune", "refused", **given) != 0
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error


def test_labels_of_other_patients_are_refused_when_scored(
    study: Any, run_of: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = described(run_of, "classification")
    assert finetune(study, "scored", run, write(tmp_path / "ours", study.patients)) == 0
    others = write(tmp_path / "theirs", [f"TCGA-ZZ-{number:04}" for number in range(11)])
    assert evaluate(study, predict(study, "scored", run), others, tmp_path / "s.parquet") != 0
    assert "who is predicted, expected the predicted cohort" in capsys.readouterr().err


@pytest.mark.parametrize("task", ["classification", "survival"])
def test_further_modalities_join_the_genes_of_a_patient(
    task: str, write_study: Any, run_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_rooms(monkeypatch)
    several = Several(write_study(tmp_path / "study"))
    study, labels, run = several.study, write(tmp_path, several.study.patients), described(run_of, task)
    shards = [f"{name}={study.folder / name / 'dataset.json'}" for name in HAVE]
    given = ["--modality-shard", *shards, "--modality-fit", *(f"{name}={several.fit(name)}" for name in HAVE)]
    more = {"run-json": run.as_json(), "labels": labels, "task-settings": '{"slices": 2}'}
    settings = json.dumps({"schedule": study.SCHEDULE, "modalities": [*HAVE, "rna"]})
    assert main([*study.line("finetune", "head", settings=settings, **more), *given]) == 0
    assert main([*study.line("predict-fold", "head", **{"run-json": run.as_json()}), *given]) == 0
    name = "probability" if task == "classification" else "risk"
    answers: dict[str, dict[str, Any]] = {}
    for row in pq.read_table(study.folder / "predictions/head.parquet").to_pylist():
        answers.setdefault(row["expression_input"], {})[row["patient_id"]] = row[name]
        assert np.isfinite(row[name]).all()
    assert {*answers["null_token"]} == {study.patients[row] for row in (6, 7, 10)}
    assert all(answers["own"][patient] != answers["null_token"][patient] for patient in answers["own"])
