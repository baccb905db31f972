"""Export, what nnU-Net would have written, import and evaluation: the whole way there and back."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.core.files import read_json, sha256_of
from mgi.core.run import run_of
from mgi.core.run_files import read_record
from mgi.reporting.whole_results import fault_of, kinds_of
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.parquet import run_in
from mgi.tasks.segmentation.dice import dice
from nnunet_study import (
    APART,
    AXIAL,
    DOTTED,
    FLAT,
    ROLES,
    SAGITTAL,
    SHEARED,
    pretend_predicting,
    pretend_training,
    volume_of,
    write_results,
)

VALIDATED = ([AXIAL], [SHEARED])
DOTTED_CASE = "_5fq_2e2"
TESTED = ([FLAT, SAGITTAL, APART], [AXIAL, DOTTED])


class Finished:
    """Results, their export, and a model of each fold that predicted its test patients."""

    def __init__(self, folder: Path) -> None:
        self.results, self.export = write_results(folder / "results"), folder / "nnunet"
        assert main(["export-nnunet", f"--results={self.results}", f"--output={self.export}"]) == 0
        for fold, patients in enumerate(VALIDATED):
            self.model = pretend_training(self.export, fold, patients)
            pretend_predicting(self.export, fold)

    def predicted(self, fold: int, case: str) -> Path:
        return self.export / f"predicted/fold_{fold}/{case}.nii.gz"

    def run(self, fold: int = 0, *more: str) -> int:
        given = {"results": self.results, "export": self.export, "model": self.model, "fold": fold}
        given["predictions"] = self.export / f"predicted/fold_{fold}"
        return main(["import-nnunet", *(f"--{name}={value}" for name, value in given.items()), *more])

    def scores(self, key: str) -> pd.DataFrame:
        """Import and score one fold; a row a patient, a column a definition."""
        imported = self.results / "imported" / key
        options = {"predictions": imported / "predictions.parquet", "output": imported / "scores.parquet"}
        options["image-shard"] = self.results / "shards/flair"
        assert main(["evaluate", *(f"--{name}={value}" for name, value in options.items())]) == 0
        table = pq.read_table(imported / "scores.parquet").to_pandas()
        return table.pivot_table(index="patient_id", columns="definition", values="value")


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("nnunet")
    Finished(folder)
    return folder


@pytest.fixture
def finished(untouched: Path, tmp_path: Path) -> Finished:
    """A copy, links kept."""
    shutil.copytree(untouched, tmp_path / "copy", symlinks=True)
    copy = Finished.__new__(Finished)
    copy.results, copy.export = tmp_path / "copy/results", tmp_path / "copy/nnunet"
    copy.model = copy.export / "nnUNet_results/Dataset501_MGI/nnUNetTrainer__nnUNetPlans__2d"
    return copy


def refused(finished: Finished, capsys, fold: int = 0) -> str:
    """The one line of an import that must fail and leave nothing."""
    capsys.readouterr()
    assert finished.run(fold) == 5
    assert not (finished.results / f"imported/nnunet-fold{fold}-seed0/predictions.parquet").exists()
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("fold", [0, 1])
def test_true_masks_come_back_with_a_dice_of_1(finished: Finished, fold: int) -> None:
    assert finished.run(fold) == 0
    scores = finished.scores(f"nnunet-fold{fold}-seed0")
    assert sorted(scores.index) == sorted(TESTED[fold])
    assert (scores[["volume", "slice_five_thresholds", "nsd_2px"]] == 1).all(axis=None)
    assert (scores["hd95_px"] == 0).all()


def test_shifted_masks_score_what_direct_computation_says(finished: Finished) -> None:
    def shifted(mask: np.ndarray) -> np.ndarray:
        return np.roll(mask, (1, 0, 1), axis=(0, 1, 2))

    pretend_predicting(finished.export, 0, shifted)
    assert finished.run() == 0
    scores = finished.scores("nnunet-fold0-seed0")["volume"]
    expected = {one: volume_of(one).masks for one in TESTED[0]}
    assert scores.to_dict() == {one: dice(shifted(mask) > 0, mask > 0) for one, mask in expected.items()}
    assert all(0 < value < 1 for value in scores)


def test_a_prediction_of_nothing_is_taken_and_scores_0(finished: Finished) -> None:
    pretend_predicting(finished.export, 1, np.zeros_like)
    assert finished.run(1) == 0
    assert (finished.scores("nnunet-fold1-seed0")["volume"] == 0).all()


def test_turned_axes_are_turned_back(finished: Finished) -> None:
    path = finished.predicted(0, SAGITTAL)
    image = nibabel.load(path)
    canonical = nibabel.as_closest_canonical(image)
    assert not np.array_equal(np.asanyarray(canonical.dataobj), np.asanyarray(image.dataobj))
    nibabel.save(canonical, path)
    assert finished.run() == 0
    assert (finished.scores("nnunet-fold0-seed0")["volume"] == 1).all()


def test_the_record_says_whose_weights_and_which_files(finished: Finished) -> None:
    assert finished.run(0, "--method=nnunet_2d", "--seed=3") == 0
    folder = finished.results / "imported/nnunet_2d-fold0-seed3"
    record = read_record(folder / "record.json")
    assert run_of(record, "") == run_in(folder / "predictions.parquet")
    assert record["files"] == {"predictions.parquet": sha256_of(folder / "predictions.parquet")}
    assert record["predicted"] == {
        FLAT: sha256_of(finished.predicted(0, "P1_5fseg")),
        **{one: sha256_of(finished.predicted(0, one)) for one in (SAGITTAL, APART)},
    }
    model = record["model"]
    assert model["name"] == finished.model.name
    assert model["checkpoint_final.pth"] == sha256_of(finished.model / "fold_0/checkpoint_final.pth")
    assert record["patients"] == {"train": 2, "validation": 1}


def test_both_folds_are_one_row_of_the_table(finished: Finished) -> None:
    for fold in (0, 1):
        assert finished.run(fold) == 0
        finished.scores(f"nnunet-fold{fold}-seed0")
    imported = finished.results / "imported"
    names = ("results-table", "no-genes", "tests", "audit", "patients")
    tables = {name: imported / f"{name}.csv" for name in names}
    scores = map(str, sorted(imported.glob("*/scores.parquet")))
    given = [f"--split={finished.results}/tables/split.parquet", '--settings={"bootstrap_draws": 50}']
    assert main(["compare", "--scores", *scores, *given, *(f"--{one}={path}" for one, path in tables.items())]) == 0
    rows = pd.read_csv(tables["results-table"]).set_index(["method", "definition"])
    assert rows.loc[("nnunet", "volume"), ["mean", "n"]].tolist() == [1, 4]  # without the patient without expression
    everybody = pd.read_csv(tables["no-genes"]).set_index(["method", "definition"])
    assert everybody.loc[("nnunet", "volume"), "n"] == 5


def test_what_was_imported_is_read_again_by_verify(finished: Finished) -> None:
    def faults() -> list[str]:
        imported = dict(kinds_of(finished.results))["imported"]
        assert len(imported) == 3
        return [fault for one in imported if (fault := fault_of(*one)) is not None]

    assert finished.run() == 0
    finished.scores("nnunet-fold0-seed0")
    assert faults() == []
    predictions = finished.results / "imported/nnunet-fold0-seed0/predictions.parquet"
    predictions.write_bytes(predictions.read_bytes()[:-1])
    found = faults()  # the file itself, the record that describes it, the scores that were made from it
    assert len(found) == 3
    assert all(str(predictions) in fault or "made from predictions.parquet" in fault for fault in found)


def test_a_missing_patient_is_refused(finished: Finished, capsys) -> None:
    finished.predicted(0, "P1_5fseg").unlink()
    assert "P1_5fseg.nii.gz: missing (1 of 3 are), expected every patient whom fold 0 tests" in refused(
        finished, capsys
    )


def test_a_patient_of_training_is_refused(finished: Finished, capsys) -> None:
    shutil.copyfile(finished.predicted(1, DOTTED_CASE), finished.predicted(0, DOTTED_CASE))
    assert f"{DOTTED} has the role train in fold 0, expected test patients alone" in refused(finished, capsys)


def test_predictions_of_another_fold_are_refused(finished: Finished, capsys) -> None:
    shutil.rmtree(finished.export / "predicted/fold_0")
    shutil.copytree(finished.export / "predicted/fold_1", finished.export / "predicted/fold_0")
    assert "expected test patients alone" in refused(finished, capsys)


def test_a_stranger_is_refused(finished: Finished, capsys) -> None:
    shutil.copyfile(finished.predicted(0, SAGITTAL), finished.predicted(0, "TCGA-XX-0000"))
    assert "TCGA-XX-0000 is not in the split" in refused(finished, capsys)


@pytest.mark.parametrize(
    ("validated", "said"),
    [([AXIAL, FLAT], "P1_5fseg is among its masks"), ([], f"{AXIAL} is not among its masks")],
    ids=["a test patient in it", "not finished"],
)
def test_a_model_of_other_folds_is_refused(finished: Finished, capsys, validated: list[str], said: str) -> None:
    pretend_training(finished.export, 0, validated)
    assert said in refused(finished, capsys)


def change_labels(path: Path, change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> None:
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(*change(np.asanyarray(image.dataobj).copy(), image.affine)), path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda mask, affine: (mask[:-1], affine), r"shape \("),
        (lambda mask, affine: (mask[..., None], affine), r"shape \("),
        (lambda mask, affine: (mask, affine + np.eye(4, k=3)), "with affine"),
        (lambda mask, affine: (mask.transpose(1, 0, 2), affine), "expected"),
        (lambda mask, affine: (2 * mask, affine), "label 2 in "),
        (lambda mask, affine: (0.5 * mask, affine), "label 0.5 in "),
    ],
    ids=["cropped", "four axes", "moved", "transposed", "label 2", "probabilities"],
)
def test_another_grid_or_label_is_refused(finished: Finished, capsys, change, said: str) -> None:
    change_labels(finished.predicted(0, SAGITTAL), change)
    line = refused(finished, capsys)
    assert f"{SAGITTAL}.nii.gz: " in line
    assert re.search(said, line)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "float32", "float64"])
def test_labels_of_any_type_of_number_are_taken(finished: Finished, dtype: str) -> None:
    change_labels(finished.predicted(0, SAGITTAL), lambda mask, affine: (mask.astype(dtype), affine))
    assert finished.run() == 0
    assert (finished.scores("nnunet-fold0-seed0")["volume"] == 1).all()


def test_labels_in_colours_are_refused(finished: Finished, capsys) -> None:
    rgb = np.dtype([(channel, "u1") for channel in "RGB"])
    change_labels(finished.predicted(0, SAGITTAL), lambda mask, affine: (np.zeros(mask.shape, rgb), affine))
    assert "expected numbers" in refused(finished, capsys)


def test_what_is_no_nifti_is_refused(finished: Finished, capsys) -> None:
    finished.predicted(0, SAGITTAL).write_bytes(b"PK")
    assert "not readable as NIfTI" in refused(finished, capsys)


def test_other_folds_in_nnunet_s_own_list_are_refused(finished: Finished, capsys) -> None:
    splits = finished.export / "nnUNet_preprocessed/Dataset501_MGI/splits_final.json"
    splits.write_text(splits.read_text().replace(SHEARED, FLAT))
    assert "other folds than those of the split" in refused(finished, capsys)
    splits.write_text("{")
    assert "not JSON" in refused(finished, capsys)
    splits.unlink()
    assert f"{splits}: missing" in refused(finished, capsys)


def test_a_split_that_was_made_again_is_refused(finished: Finished, capsys) -> None:
    write_results(finished.results, [ROLES[0], {**ROLES[1], FLAT: "validation"}])
    assert "other folds than those of the split" in refused(finished, capsys)


def test_another_shard_is_refused(finished: Finished, capsys) -> None:
    shard = finished.results / "shards/flair"
    described = read_json(shard / "dataset.json")
    write_dataset(
        shard / "dataset.json", "volumes", [shard / "slices.parquet"], {"simulated": not described["simulated"]}
    )
    assert "exported from another shard" in refused(finished, capsys)


def test_a_name_of_our_own_is_refused(finished: Finished, capsys) -> None:
    assert finished.run(0, "--method=unet") == 2
    assert "--method: found 'unet'" in capsys.readouterr().err


def test_a_fold_that_the_split_does_not_have_is_refused(finished: Finished, capsys) -> None:
    (finished.export / "predicted/fold_2").mkdir()
    assert "fold 2, expected one of [0, 1]" in refused(finished, capsys, 2)
