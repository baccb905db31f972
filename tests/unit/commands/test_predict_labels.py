"""Released models of classes and of survival: what they say of a patient whom the fold's prediction has too."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.labels import Labels, PatientLabels
from mgi.core.run import Run
from mgi.shards.expression_shard import read_expression
from mgi.shards.image_shard import read_images

pytest.importorskip("torch")
TASKS = {"classification": "idh", "survival": None}


class LabelledResults:
    """The study's results with a run of each task of labels, and a release of each."""

    def __init__(self, released: Any, described: Callable[..., Run], folder: Path) -> None:
        self.folder, study = folder, released.study
        self.study = study
        self.results = shutil.copytree(released.results, folder / "results")
        self.labels = self.results / "tables/labels.parquet"
        self._write_labels(study.patients)
        for task, target in TASKS.items():
            run = described(task=task, target=target)
            described_as = {"run-json": run.as_json(), "task-settings": "{}", "labels": self.labels}
            weights = {"weights": self.results / f"runs/{task}/weights.safetensors"}
            of_run = {name: self.results / f"runs/{task}/{file}" for name, file in
                      (("curves", "curves.jsonl"), ("record", "run.json"))}  # fmt: skip
            assert study.run("finetune", task, **weights, **described_as, **of_run) == 0
            predictions = self.results / f"predictions/{run.key}.parquet"
            given = {**weights, "run-json": run.as_json(), "output": predictions}
            assert study.run("predict-fold", task, **given) == 0
            scored = {"predictions": predictions, "image-shard": self.results / "shards/flair", "labels": self.labels}
            scored |= {"split": study.folder / "split.parquet"}
            scored |= {"output": self.results / f"evaluation/{run.key}.parquet"}
            assert main(["evaluate", *(f"--{name}={value}" for name, value in scored.items())]) == 0
            assert main(["release", f"--weights={weights['weights']}", f"--output={folder / task}"]) == 0
            shutil.copyfile(predictions, folder / f"{task}.parquet")

    def _write_labels(self, patients: list[str]) -> None:
        known = {
            patient: PatientLabels(
                classes={"idh": "WT" if number % 2 else "Mutant"}, time_days=100.0 + 7 * number, event=number % 3 != 2
            )
            for number, patient in enumerate(patients)
        }
        labels = Labels(
            patients=known, place="t", source="t", column_of={"idh": "IDH"}, endpoint="OS", survival_source="t"
        )
        write_labels(labels.beside(patients), self.labels, self.labels.with_suffix(".tsv"))

    def predicted(self, task: str, patient: str, given: str) -> dict[str, Any]:
        """The row of the fold's prediction file."""
        rows = pq.read_table(self.folder / f"{task}.parquet").to_pylist()
        (row,) = (row for row in rows if (row["patient_id"], row["expression_input"]) == (patient, given))
        return row


@pytest.fixture(scope="module")
def labelled(released, run_of, tmp_path_factory) -> LabelledResults:
    return LabelledResults(released, run_of, tmp_path_factory.mktemp("labelled"))


@pytest.fixture
def patient(labelled: LabelledResults, tmp_path: Path) -> tuple[str, Path, Path]:
    """A test patient: id, image as NIfTI, and a table with the expression."""
    name = labelled.study.role("test")[0]
    images = read_images(labelled.results / "shards/flair", [name])[name]
    voxels = np.transpose(images.slices, (2, 1, 0)).astype(np.int16)
    nibabel.Nifti1Image(voxels, np.diag([-1.0, -1.0, 5.0, 1.0])).to_filename(tmp_path / "flair.nii.gz")
    shard = read_expression(labelled.results / "shards/rna")
    genes = shard.values[shard.patient_ids.index(name)]
    lines = [f"ENSG{index:03d}\t{value}" for index, value in enumerate(genes)]
    (tmp_path / "genes.tsv").write_text("\n".join(["gene\tP", *lines]) + "\n")
    return name, tmp_path / "flair.nii.gz", tmp_path / "genes.tsv"


def predict(model: Path, output: Path, *options: object) -> int:
    return main(["predict", *map(str, options), f"--model={model}", f"--output={output}", "--force"])


INPUTS = {"own": (True, True), "null_token": (True, False), "image_left_out": (False, True)}


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("task", TASKS)
def test_a_release_says_what_the_fold_predicted(
    labelled: LabelledResults, patient: tuple[str, Path, Path], task: str, given: str, tmp_path: Path
) -> None:
    name, image, genes = patient
    with_image, with_genes = INPUTS[given]
    options = [*([image] if with_image else []), *([f"--expression={genes}"] if with_genes else [])]
    assert predict(labelled.folder / task, tmp_path / "answer.json", *options) == 0
    answer = json.loads((tmp_path / "answer.json").read_text())["answer"]
    expected = labelled.predicted(task, name, given)
    if task == "classification":
        assert answer["target"] == "idh"
        assert list(answer["probability"].values()) == pytest.approx(expected["probability"], abs=1e-4)
        assert answer["class"] == max(answer["probability"], key=answer["probability"].get)
        assert answer["training_patients"] == [{"Mutant": 2, "WT": 2}]
        return
    assert answer["endpoint"] == "OS"
    assert (answer["risk"], answer["risk_quantile"]) == pytest.approx(
        (expected["risk"], expected["risk_quantile"]), abs=1e-3
    )
    assert answer["survival"] == pytest.approx(expected["survival"], abs=1e-4)
    assert len(answer["times_days"]) == len(answer["survival"])


def test_the_card_says_what_the_model_tells_and_its_score(labelled: LabelledResults) -> None:
    classes, survival = ((labelled.folder / task / "MODEL_CARD.md").read_text() for task in TASKS)
    assert (
        "Tells idh of a lower-grade glioma, Mutant or WT, from axial FLAIR slices, the gene expression, or both."
        in classes
    )
    assert "| classes | Mutant (2 in training), WT (2 in training) |" in classes
    assert "Ranks patients with a lower-grade glioma by their risk (OS)" in survival
    for card in (classes, survival):
        assert "--output answer.json" in card
        assert "own genes | " in card
        assert "Dice" not in card


@pytest.mark.parametrize(
    ("options", "output", "said"),
    [
        ([], "a.json", "IMAGE and --expression: both missing, expected one at least"),
        (["image"], "a.nii.gz", "expected a name that ends in .json"),
        (["image", "--largest-component"], "a.json", "--largest-component: "),
        (["image", "--patient=P"], "a.json", "--patient: only with --expression"),
    ],
)
def test_what_does_not_go_with_an_answer_is_refused(
    labelled: LabelledResults, options: list[str], output: str, said: str, patient, tmp_path: Path, capsys
) -> None:
    given = [patient[1] if one == "image" else one for one in options]
    assert predict(labelled.folder / "classification", tmp_path / output, *given) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / output).exists()


def test_a_model_that_segments_asks_for_an_image(released, tmp_path: Path, capsys) -> None:
    assert predict(released.model("unet"), tmp_path / "m.nii.gz") == 2
    assert "IMAGE: missing, expected an image: unet-fold0-seed0 segments" in capsys.readouterr().err


@pytest.mark.parametrize(("task", "columns"), [("classification", ["target", "class"]), ("survival", ["risk"])])
def test_a_cohort_of_answers_needs_no_image_and_has_a_table(
    labelled: LabelledResults, task: str, columns: list[str], patient, tmp_path: Path, capsys
) -> None:
    (tmp_path / "patients.csv").write_text(f"patient,image,expression\nA,,genes.tsv\nB,{patient[1]},\nC,,\n")
    model, output = labelled.folder / task, tmp_path / "out"
    assert predict(model, output, f"--table={tmp_path / 'patients.csv'}") == 5
    assert "3 of 3: C: FAILED: IMAGE and --expression: both missing" in capsys.readouterr().out
    rows = pd.read_csv(output / "patients.csv").set_index("patient")
    assert rows["status"].to_dict() == {"A": "done", "B": "done", "C": "failed"}
    answer = json.loads((output / "A.json").read_text())["answer"]
    assert [rows.loc["A", column] for column in columns] == [answer[column] for column in columns]
    if task == "classification":
        assert rows.loc["A", "probability"] == answer["probability"][answer["class"]]
    assert predict(model, tmp_path / "a.json", patient[1], "--probabilities") == 2
    assert "--probabilities: " in capsys.readouterr().err
