"""MGI trained on fingerprints: random numbers that name a patient, through all three commands that learn."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.cohort.split import SplitRow
from mgi.cohort.tables import write_split
from mgi.commands._learning import Fold
from mgi.tasks.segmentation.prediction_file import read_spec


def trained(study: Any) -> Any:
    """Pre-trained, fine-tuned and predicted on fingerprints."""
    own = {"genes": "fingerprint"}
    assert study.run("pretrain", "pretrain-fingerprint", method="pretrain", **own) == 0
    assert study.run("finetune", "mgi-fingerprint", pretrained=study.weights("pretrain-fingerprint"), **own) == 0
    assert study.run("predict-fold", "mgi-fingerprint", **own) == 0
    return study


@pytest.fixture(scope="module")
def control(write_study, tmp_path_factory) -> Any:
    return trained(write_study(tmp_path_factory.mktemp("control")))


def test_what_genes_say_changes_no_weight_and_no_prediction(control, write_study, tmp_path: Path) -> None:
    def change(_: str, arrays: dict[str, np.ndarray]) -> None:
        arrays["values"] += np.random.default_rng(5).normal(size=len(arrays["values"])).astype(np.float32)

    other = trained(write_study(tmp_path, change))
    for key in ("pretrain-fingerprint", "mgi-fingerprint"):
        assert other.weights(key).read_bytes() == control.weights(key).read_bytes()
    predictions = [one.folder / "predictions/mgi-fingerprint.parquet" for one in (other, control)]
    assert predictions[0].read_bytes() == predictions[1].read_bytes()


def test_the_audit_swaps_fingerprints_as_it_swaps_genes(control) -> None:
    path = control.folder / "predictions/mgi-fingerprint.parquet"
    rows = pq.read_table(path, columns=["genes", "probability"]).to_pylist()
    by_mode: dict[str, list[bytes]] = {}
    for row in rows:
        by_mode.setdefault(row["genes"], []).append(row["probability"])
    assert list(by_mode) == ["real", "mean", "null", "permuted-0", "permuted-1"]
    assert by_mode["real"] != by_mode["mean"]
    assert by_mode["real"] != by_mode["permuted-0"]
    assert read_spec(path).label == "mgi-fingerprint"


def test_the_mean_is_that_of_the_training_patients_fingerprints(control) -> None:
    class Given:
        split, genes = control.folder / "split.parquet", control.folder / "genes.parquet"
        values, slices = control.folder / "expression/values.parquet", control.folder / "images/slices.parquet"

    fold = Fold(Given(), 0, fingerprint_seed=3)  # type: ignore[arg-type]
    drawn = fold.genes(control.role("train"))
    assert fold.average_genes().tolist() == pytest.approx(drawn.mean(0).tolist())
    assert not np.allclose(drawn, Fold(Given(), 0).genes(control.role("train")))  # type: ignore[arg-type]


def test_the_record_says_that_it_saw_no_genes_and_a_release_is_refused(control, tmp_path: Path, capsys) -> None:
    facts = json.loads((control.folder / "runs/mgi-fingerprint/run.json").read_text())
    assert (facts["spec"]["genes"], facts["fingerprint_seed"]) == ("fingerprint", 0)
    assert main(["release", f"--weights={control.weights('mgi-fingerprint')}", f"--output={tmp_path / 'out'}"]) == 5
    said = capsys.readouterr().err
    assert "spec: genes: found fingerprint, expected real or none" in said
    assert said.count("\n") == 1


def test_genes_fitted_on_other_patients_than_the_fold_trains_on_are_refused(
    write_study, tmp_path: Path, capsys
) -> None:
    study = write_study(tmp_path)
    roles = {**study.ROLES, "train": (0, 1, 2, 6), "test": (3, 7)}
    rows = [SplitRow(0, study.patients[index], "AA", role) for role, indexes in roles.items() for index in indexes]
    write_split(sorted(rows), study.folder / "split.parquet", tmp_path / "split.tsv")
    assert study.run("finetune", "unet", method="unet", genes="none") == 5
    assert "genes.parquet: fitted on other patients than fold 0 of" in capsys.readouterr().err
