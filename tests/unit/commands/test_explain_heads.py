"""Attributions of a class and of a risk, of networks that learned labels of the study's patients."""

import json
from pathlib import Path

import numpy as np
import pytest

from mgi.cli import main
from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.labels import Labels, PatientLabels
from mgi.explain.attribution_file import read_attributions

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def labels(study, tmp_path_factory) -> Path:
    known = {
        patient: PatientLabels(
            classes={"idh": "WT" if number % 2 else "Mutant"}, time_days=100.0 + 7 * number, event=number % 3 != 2
        )
        for number, patient in enumerate(study.patients)
    }
    table = Labels(patients=known, place="t", source="t", column_of={"idh": "IDH"}, endpoint="OS", survival_source="t")
    path = tmp_path_factory.mktemp("labels") / "labels.parquet"
    write_labels(table.beside(study.patients), path, path.with_suffix(".tsv"))
    return path


@pytest.mark.parametrize(("task", "target"), [("classification", "idh"), ("survival", None)])
def test_a_class_or_a_risk_is_attributed_to_the_genes(
    task: str, target: str | None, study, run_of, labels: Path, tmp_path: Path
) -> None:
    run = run_of(task=task, target=target)
    files = {name: tmp_path / "run" / file for name, file in
             (("weights", "weights.safetensors"), ("curves", "curves.jsonl"), ("record", "run.json"))}  # fmt: skip
    described = {"run-json": run.as_json(), "task-settings": "{}", "labels": labels}
    assert study.run("finetune", task, **files, **described) == 0
    options = {
        "run-json": run.as_json(),
        "image-shard": study.folder / "images",
        "prepared": study.prepared(),
        "expression-shard": study.folder / "expression",
        "fold-genes": study.folder / "genes.parquet",
        "split": study.folder / "split.parquet",
        "weights": files["weights"],
        "curves": files["curves"],
        "settings": json.dumps({"noise_samples": 1}),
        "output": tmp_path / "attributions.parquet",
    }
    assert main(["explain", *(f"--{name}={value}" for name, value in options.items())]) == 0
    found = read_attributions(options["output"])
    assert set(found.value) == {"head"}
    trained = found.network == "trained"
    assert sorted(set(found.patient_id)) == study.role("test")
    assert found.error[trained].max() <= 0.01
    assert np.abs(found.values[trained]).max() > 0
    predicted = found.about.get("predicted")
    assert predicted is None if task == "survival" else set(predicted.values()) <= {"WT", "Mutant"}
