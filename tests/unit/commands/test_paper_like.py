"""The protocol that leaks on purpose, through training, prediction and scoring, and the table that shows it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.cohort.split import slice_roles
from mgi.commands._learning import Fold
from mgi.core.run import Run
from mgi.datasets.slices import prepare_slices
from mgi.models.settings import ModelSettings
from mgi.shards.image_shard import iter_images

SLICE = Run(task="segmentation", method="unet", inputs=("flair",), split_unit="slice", fold=0, seed=0)


def evaluate(study: Any, key: str) -> Path:
    scores = study.folder / f"evaluation/{key}.parquet"
    given = {
        "predictions": study.folder / f"predictions/{key}.parquet",
        "image-shard": study.folder / "images",
    }
    assert main(["evaluate", *(f"--{name}={value}" for name, value in given.items()), f"--output={scores}"]) == 0
    return scores


@pytest.fixture(scope="module")
def leaky(write_study, tmp_path_factory) -> Any:
    """A study of ten slices a patient with a U-Net trained by patient and one trained by slice, both scored."""

    class Longer(write_study):
        SHAPE = (10, 20, 24)

    study = Longer(tmp_path_factory.mktemp("leaky"))
    for key, more in (("unet", {}), ("unet-slice", {"run-json": SLICE.as_json()})):
        assert study.run("finetune", key, method="unet", **more) == 0
        assert study.run("predict-fold", key, method="unet", **more) == 0
        evaluate(study, key)
    return study


def fold_of(study: Any) -> Fold:
    class Given:
        split, fold_genes = study.folder / "split.parquet", study.folder / "genes.parquet"
        expression_shard, image_shard = study.folder / "expression", study.folder / "images"
        prepared = study.prepared()

    return Fold(Given(), SLICE, study.folder)  # type: ignore[arg-type]


def test_every_patient_has_slices_in_training_and_in_validation_and_no_slice_is_in_both(leaky) -> None:
    fold, patients = fold_of(leaky), leaky.patients[:8]
    volumes = {one.patient_id: one for one in iter_images(leaky.folder / "images")}
    for role, each in (("train", 6), ("validation", 2)):
        pairs = fold.learning_pairs(role, ModelSettings(image_size=32))
        assert pairs.slices.patient_ids == patients
        assert pairs.slices.patient.bincount().tolist() == [each] * 8
        whole = prepare_slices([(name, volumes[name].slices, volumes[name].masks) for name in patients], 32)
        chosen = np.concatenate([slice_roles(name, 10, 0) == role for name in patients])
        assert np.array_equal(pairs.slices.images[:], whole.images[chosen])
        assert np.array_equal(pairs.slices.masks[:], whole.masks[chosen])


def test_all_patients_are_scored_on_the_slices_that_training_did_not_see(leaky) -> None:
    scores = pq.read_table(leaky.folder / "evaluation/unet-slice.parquet").to_pandas()
    tested = scores[scores["definition"] == "slices"].set_index("patient_id")["value"]
    assert tested.to_dict() == dict.fromkeys(leaky.patients[:8], 2.0)
    assert "volume" not in set(scores["definition"])
    facts = json.loads((leaky.folder / "runs/unet-slice/run.json").read_text())
    assert facts["patients"] == {"train": 8, "validation": 8, "test": 8}


def test_the_table_has_both_protocols_and_the_empty_mask_with_watermarks(leaky, tmp_path: Path) -> None:
    scores = [str(leaky.folder / f"evaluation/{key}.parquet") for key in ("unet", "unet-slice")]
    given = [f"--image-shard={leaky.folder}/images", f"--split={leaky.folder}/split.parquet"]
    given += ['--settings={"bootstrap_draws": 50}']
    assert main(["paper-like", "--scores", *scores, *given, f"--output={tmp_path / 'paper_like.csv'}"]) == 0
    table = pd.read_csv(tmp_path / "paper_like.csv", keep_default_na=False).set_index(
        ["split_unit", "method", "definition"]
    )
    lenient = {"slice_five_thresholds", "slice_all_empty_one"}
    whole = {("patient", "unet"), ("none", "empty-mask")}
    expected = {(*case, name) for case in whole for name in {*lenient, "volume"}}
    assert set(table.index) == expected | {("slice", "unet", name) for name in lenient}
    assert set(table["patients"]) == {2, 8}, "who has no expression is in no row"
    # One slice in ten of each of the two test patients shows no tumour.
    empty = table.loc[("none", "empty-mask")]
    assert float(empty.loc["slice_all_empty_one", "mean"]) == pytest.approx(0.1)
    assert float(empty.loc["slice_five_thresholds", "mean"]) == pytest.approx(0.1, abs=1e-5)
    assert float(empty.loc["volume", "mean"]) == 0
    marked = table["watermark"] != ""
    assert marked.to_dict() == {index: index[2] != "volume" for index in table.index}
    assert table.loc[("slice", "unet"), "watermark"].str.contains("leaks patients across the split").all()


def test_what_was_split_by_slice_enters_no_comparison_and_no_release(leaky, tmp_path: Path, capsys) -> None:
    tables = [f"--{name}={tmp_path / name}.csv" for name in ("results-table", "no-genes", "tests", "audit", "patients")]
    tables += [f"--split={leaky.folder}/split.parquet"]
    assert main(["compare", f"--scores={leaky.folder}/evaluation/unet-slice.parquet", *tables]) == 5
    assert "unet-slice.parquet: split_unit: found slice" in capsys.readouterr().err
    assert main(["release", f"--weights={leaky.weights('unet-slice')}", f"--output={tmp_path / 'out'}"]) == 5
    assert "run.split_unit: found slice" in capsys.readouterr().err
