"""MGI trained on a fixed random vector per patient, through all three commands that learn."""

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
from mgi.shards.parquet import run_in


def trained(study: Any) -> Any:
    """Pre-trained, fine-tuned and predicted on random vectors."""
    own = {"control": "random-id"}
    assert study.run("pretrain", "pretrain-random-id", **own) == 0
    assert study.run("finetune", "mgi-random-id", pretrained=study.weights("pretrain-random-id"), **own) == 0
    assert study.run("predict-fold", "mgi-random-id", **own) == 0
    return study


@pytest.fixture(scope="module")
def control(write_study, tmp_path_factory) -> Any:
    return trained(write_study(tmp_path_factory.mktemp("control")))


def test_what_genes_say_changes_no_weight_and_no_prediction(control, write_study, tmp_path: Path) -> None:
    def change(_: str, arrays: dict[str, np.ndarray]) -> None:
        arrays["values"] += np.random.default_rng(5).normal(size=len(arrays["values"])).astype(np.float32)

    other = trained(write_study(tmp_path, change))
    for key in ("pretrain-random-id", "mgi-random-id"):
        assert other.weights(key).read_bytes() == control.weights(key).read_bytes()
    predictions = [one.folder / "predictions/mgi-random-id.parquet" for one in (other, control)]
    assert predictions[0].read_bytes() == predictions[1].read_bytes()


def test_the_audit_swaps_vectors_as_it_swaps_genes(control) -> None:
    path = control.folder / "predictions/mgi-random-id.parquet"
    rows = pq.read_table(path, columns=["expression_input", "probability"]).to_pylist()
    by_mode: dict[str, list[bytes]] = {}
    for row in rows:
        by_mode.setdefault(row["expression_input"], []).append(row["probability"])
    assert list(by_mode) == ["own", "cohort_mean", "null_token", "permuted-0", "permuted-1"]
    assert by_mode["own"] != by_mode["cohort_mean"]
    assert by_mode["own"] != by_mode["permuted-0"]
    assert run_in(path).label == "mgi-random-id"


def test_the_mean_is_that_of_the_training_patients_vectors(control, run_of, tmp_path) -> None:
    class Given:
        split, fold_genes = control.folder / "split.parquet", control.folder / "genes.parquet"
        expression_shard, image_shard = control.folder / "expression", control.folder / "images"
        prepared = control.folder / "prepared"  # not read here

    fold = Fold(Given(), run_of("mgi", "random-id", seed=3), tmp_path)  # type: ignore[arg-type]
    drawn = fold.genes(control.role("train"))[:]
    assert fold.average_genes().tolist() == pytest.approx(drawn.mean(0).tolist())
    assert not np.allclose(drawn, Fold(Given(), run_of("mgi"), tmp_path).genes(control.role("train"))[:])  # type: ignore[arg-type]


def test_the_record_says_that_it_saw_no_genes_and_a_release_is_refused(control, tmp_path: Path, capsys) -> None:
    facts = json.loads((control.folder / "runs/mgi-random-id/run.json").read_text())
    assert (facts["run"]["control"], facts["random_id_seed"]) == ("random-id", 0)
    assert main(["release", f"--weights={control.weights('mgi-random-id')}", f"--output={tmp_path / 'out'}"]) == 5
    said = capsys.readouterr().err
    assert "run.control: found random-id" in said
    assert said.count("\n") == 1


def test_genes_fitted_on_other_patients_than_the_fold_trains_on_are_refused(
    write_study, tmp_path: Path, capsys
) -> None:
    study = write_study(tmp_path)
    roles = {**study.ROLES, "train": (0, 1, 2, 6), "test": (3, 7)}
    rows = [SplitRow(0, study.patients[index], "AA", role) for role, indexes in roles.items() for index in indexes]
    write_split(sorted(rows), study.folder / "split.parquet", tmp_path / "split.tsv")
    assert study.run("finetune", "unet", method="unet") == 5
    assert "genes.parquet: fitted on other patients" in capsys.readouterr().err
