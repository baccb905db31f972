"""Released models of scans and slides: any part of what a patient has gives what the fold predicted."""

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.core.files import write_json
from mgi.shards.bags import open_bags
from mgi.shards.expression_shard import read_expression
from mgi.shards.image_shard import read_images
from mri_and_slides import ScansAndSlides

h5py = pytest.importorskip("h5py")
TASKS = ("classification", "survival")
INPUTS = {
    "own": (True, True, True),
    "null_token": (True, True, False),
    "flair_left_out": (False, True, True),
    "slides_left_out": (True, False, True),
    "flair_alone": (True, False, False),
    "slides_alone": (False, True, False),
    "image_left_out": (False, False, True),
}
"""By expression input whether scan, slide and genes are given."""


class ReleasedBoth:
    """Results of patients of whom some lack an image, releases of tasks and of a control, and a patient's files."""

    def __init__(self, study: Any, folder: Path) -> None:
        both = ScansAndSlides(study, no_slide=(1,), no_scan=(2,))
        self.folder, self.results, self.patient = folder, folder / "results", study.role("test")[0]
        for source, name in (
            (study.folder / "images", "flair"),
            (both.shard, "slides"),
            (study.folder / "expression", "rna"),
        ):
            shutil.copytree(source, self.results / "shards" / name)
        for source, target in (("genes.parquet", "folds/0/genes.parquet"), ("split.parquet", "tables/split.parquet")):
            (self.results / target).parent.mkdir(parents=True)
            shutil.copyfile(study.folder / source, self.results / target)
        write_json(self.results / "config.json", {"runs": {"image": ["flair", "slides"]}})
        for task, control in ((TASKS[0], "no-pretraining"), (TASKS[1], "no-pretraining"), (TASKS[0], "no-flair")):
            run = both.described(task, control)
            assert both.finetune(run, start=None) == 0
            shutil.copytree(study.folder / f"runs/{run.key}", self.results / f"runs/{run.key}")
            name = task if control == "no-pretraining" else control
            shutil.copyfile(both.predict(run), folder / f"{name}.parquet")
            weights = self.results / f"runs/{run.key}/weights.safetensors"
            assert main(["release", f"--weights={weights}", f"--output={folder / name}"]) == 0
        images = read_images(self.results / "shards/flair", [self.patient])[self.patient]
        voxels = np.transpose(images.slices, (2, 1, 0)).astype(np.int16)
        self.scan = folder / "flair.nii.gz"
        nibabel.Nifti1Image(voxels, np.diag([-1.0, -1.0, 5.0, 1.0])).to_filename(self.scan)
        (bag,) = open_bags(self.results / "shards/slides").bags([self.patient])
        self.slide = folder / "slide.h5"
        with h5py.File(self.slide, "w") as file:
            file["features"], file["coords"] = bag.embeddings, bag.corners
            file["coords"].attrs["patch_size"] = 256
        shard = read_expression(self.results / "shards/rna")
        genes = shard.values[shard.patient_ids.index(self.patient)]
        lines = [f"ENSG{index:03d}\t{value}" for index, value in enumerate(genes)]
        self.genes = folder / "genes.tsv"
        self.genes.write_text("\n".join(["gene\tP", *lines]) + "\n")

    def predicted(self, task: str, given: str) -> dict[str, Any]:
        """The row of the fold's prediction file."""
        rows = pq.read_table(self.folder / f"{task}.parquet").to_pylist()
        (row,) = (row for row in rows if (row["patient_id"], row["expression_input"]) == (self.patient, given))
        return row

    def options(self, *, scan: bool, slide: bool, genes: bool) -> list[str]:
        """What is given of the patient."""
        return [
            *([str(self.scan)] if scan else []),
            *([f"--slide={self.slide}"] if slide else []),
            *([f"--expression={self.genes}"] if genes else []),
        ]


@pytest.fixture(scope="module")
def released(write_study, tmp_path_factory) -> ReleasedBoth:
    folder = tmp_path_factory.mktemp("both")
    return ReleasedBoth(write_study(folder / "study"), folder)


def predict(model: Path, output: Path, *options: str) -> int:
    done: int = main(["predict", *options, f"--model={model}", f"--output={output}", "--force"])
    return done


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("task", TASKS)
def test_a_release_says_what_the_fold_predicted(released: ReleasedBoth, tmp_path: Path, task: str, given: str) -> None:
    scan, slide, genes = INPUTS[given]
    options = released.options(scan=scan, slide=slide, genes=genes)
    assert predict(released.folder / task, tmp_path / "answer.json", *options) == 0
    report = json.loads((tmp_path / "answer.json").read_text())
    answer, expected = report["answer"], released.predicted(task, given)
    if task == "classification":
        assert list(answer["probability"].values()) == pytest.approx(expected["probability"], abs=1e-4)
    else:
        assert answer["risk"] == pytest.approx(expected["risk"], abs=1e-4)
    assert report["image"] == ("flair.nii.gz" if scan else "slide.h5" if slide else None)
    assert ("slide" in report) is (scan and slide)


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        ("classification", [], "IMAGE, --slide and --expression: all missing, expected one at least"),
        ("no-flair", ["scan"], "expected none: mgi-classification-grade-no-flair-fold0-seed0 was trained without it"),
    ],
)
def test_what_the_model_cannot_use_is_refused(
    released: ReleasedBoth,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    model: str,
    options: list[str],
    said: str,
) -> None:
    given = released.options(scan="scan" in options, slide=False, genes=False)
    assert predict(released.folder / model, tmp_path / "answer.json", *given) != 0
    assert said in capsys.readouterr().err


def test_the_card_says_what_is_read(released: ReleasedBoth) -> None:
    card = (released.folder / "classification/MODEL_CARD.md").read_text()
    assert "from axial FLAIR slices, whole-slide images, the gene expression, or any of them" in card
    assert "mgi predict IMAGE --slide SLIDE --model FOLDER" in card
    assert "| tiles of a patient (3 with slides) |" in card
    metadata = json.loads((released.folder / "classification/configs/metadata.json").read_text())
    assert set(metadata["network_data_format"]["inputs"]) == {"image", "tiles", "expression"}
    assert "mgi predict --slide SLIDE --model" in (released.folder / "no-flair/MODEL_CARD.md").read_text()


def test_a_release_without_what_slides_were_like_is_refused(
    released: ReleasedBoth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mgi.release.package import CONFIG, read_config, write_config

    folder = shutil.copytree(released.folder / "classification", tmp_path / "model")
    config = read_config(folder / CONFIG)
    write_config(
        folder / CONFIG, {name: value for name, value in config.items() if name not in ("slide_range", "digest")}
    )
    assert predict(folder, tmp_path / "answer.json", *released.options(scan=True, slide=True, genes=True)) != 0
    assert "config.json: slide_range: missing" in capsys.readouterr().err


def test_scan_and_slide_of_two_patients_are_refused(
    released: ReleasedBoth, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from mgi.release import new_patient

    read = new_patient.read_new_image
    of_another = lambda *given: replace(read(*given), patient_id="TCGA-ZZ-9999")  # noqa: E731
    monkeypatch.setattr(new_patient, "read_new_image", of_another)
    slide = shutil.copyfile(released.slide, tmp_path / "TCGA-AA-0006-01Z-00-DX1.h5")
    given = [str(released.scan), f"--slide={slide}"]
    assert predict(released.folder / "classification", tmp_path / "answer.json", *given) != 0
    assert "expected both of one patient" in capsys.readouterr().err
