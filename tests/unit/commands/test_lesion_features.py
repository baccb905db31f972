"""`mgi lesion-features` on a small shard, by true and by predicted masks."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mgi.cli import main
from mgi.core.sidecar import verified
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import KIND, SLICES_FILE, PatientImages, image_shard_writer
from mgi.shards.parquet import read_table
from mgi.tasks.segmentation.lesion_features import COLUMNS, FEATURES, lesion_features


def head(patient: str, radius: float, *, masked: bool = True) -> PatientImages:
    rows, columns = np.mgrid[:48, :48]
    slices = np.tile(100 * ((rows - 24) ** 2 + (columns - 24) ** 2 <= 20**2), (5, 1, 1)).astype(np.uint8)
    masks = np.zeros_like(slices)
    masks[1:4] = (rows - 20) ** 2 + (columns - 28) ** 2 < radius**2
    slices[masks > 0] = 200
    return PatientImages(
        patient_id=patient,
        slices=slices,
        masks=masks if masked else None,
        spacing_mm=None,
        positions_mm=None,
        source="drawn",
    )


HEADS = [head("A", 6), head("B", 0), head("C", 6, masked=False)]


def write_shard(folder: Path, heads: list[PatientImages]) -> Path:
    folder.mkdir()
    with image_shard_writer(folder / SLICES_FILE) as writer:
        for one in heads:
            writer.add(one)
    write_dataset(folder / "dataset.json", KIND, [folder / SLICES_FILE], {"simulated": True})
    return folder


def test_true_masks_are_measured_and_whoever_has_none_is_named(tmp_path: Path, capsys: Any) -> None:
    output, text = tmp_path / "lesions.parquet", tmp_path / "lesions.tsv"
    shard = write_shard(tmp_path / "shard", HEADS)
    assert main(["lesion-features", f"--image-shard={shard}", f"--output={output}", f"--tsv={text}"]) == 0
    said = capsys.readouterr()
    assert said.out == f"2 patients, {len(FEATURES)} features; 1 with an empty mask\n"
    assert said.err == "C: no mask, left out\n"
    found = read_table(output, COLUMNS).to_pandas().set_index("patient_id")
    assert pd.read_csv(verified(text), sep="\t", index_col="patient_id").equals(found)
    assert list(found.columns) == list(FEATURES)
    expected = lesion_features(HEADS[0].slices, HEADS[0].masks)  # type: ignore[arg-type]
    assert found.loc["A"].to_dict() == pytest.approx(expected, rel=1e-12)
    assert found.loc["B"].isna().all()


def test_a_shard_without_masks_is_refused_in_one_line(tmp_path: Path, capsys: Any) -> None:
    shard = write_shard(tmp_path / "shard", HEADS[2:])
    assert main(["lesion-features", f"--image-shard={shard}", f"--output={tmp_path / 'lesions.parquet'}"]) != 0
    assert capsys.readouterr().err.splitlines()[-1] == f"mgi lesion-features: {shard}: no patient has a mask"
    assert not (tmp_path / "lesions.parquet").exists()


def test_predicted_masks_are_measured(study: Any, tmp_path: Path, capsys: Any) -> None:
    line = ["lesion-features", f"--image-shard={study.folder / 'images'}", f"--output={tmp_path / 'lesions.parquet'}"]
    predictions = study.folder / "predictions/unet.parquet"
    assert main([*line, "--predictions", str(predictions)]) == 0
    found = pd.read_parquet(tmp_path / "lesions.parquet")
    assert set(found["patient_id"]) == {*study.role("test"), *study.role("unpaired_image")}
    assert capsys.readouterr().out.startswith(f"{len(found)} patients, ")
    assert main([*line, "--predictions", str(predictions), str(predictions)]) != 0
    assert "is in two files, expected each patient in one" in capsys.readouterr().err
    assert main([*line, "--predictions", str(predictions), "--expression-input=own"]) != 0
    assert "no predictions with own, expected another --expression-input" in capsys.readouterr().err
