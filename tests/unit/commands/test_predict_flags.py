"""What differs from the images of training is said of a new patient, and refused where it is far from them."""

import re
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from mgi.commands import predict
from mgi.modalities.flair.buda import decoded, opened_buda
from mgi.release.ensemble import load_model
from mgi.release.training_range import measure
from mgi.shards.image_shard import PatientImages, read_images
from predicted_patients import OBLIQUE, flags, report, run, save_nifti, upright, volume


def test_the_flags_name_what_differs_from_training_on_stderr_and_in_the_json(
    released, bright, tmp_path: Path, capsys
) -> None:
    voxels, lesion = volume()
    voxels[4, 2, 2] = voxels[0, 20, 3] = 900
    save_nifti(tmp_path / "flair.nii.gz", voxels, OBLIQUE)
    out = tmp_path / "m.nii.gz"
    assert run(tmp_path / "flair.nii.gz", released.model("unet"), out) == 0
    found = {flag["flag"]: flag for flag in report(out)["flags"]}
    assert {"fragmented", "rows", "slices"} <= set(found)
    assert found["rows"]["found"] == 22
    assert found["rows"]["expected"] == [20, 20]
    assert found["fragmented"]["found"] == pytest.approx(lesion.sum() / (lesion.sum() + 2), abs=1e-4)
    assert "flag fragmented: 3 bodies" in capsys.readouterr().err


def test_an_image_like_those_of_training_has_no_flag_and_its_negative_has_one(released, study, tmp_path: Path) -> None:
    patient = study.role("test")[0]
    voxels = read_images(released.results / "shards/flair", [patient])[patient].slices
    for name, values in (("same", voxels), ("negative", voxels.max() - voxels)):
        save_nifti(tmp_path / f"{name}.nii", values, upright())
        assert run(tmp_path / f"{name}.nii", released.model("unet"), tmp_path / f"{name}-mask.nii.gz") == 0
    assert flags(tmp_path / "same-mask.nii.gz") <= {"empty", "fragmented"}
    assert "intensity" in flags(tmp_path / "negative-mask.nii.gz")


def test_an_image_far_from_training_gets_no_mask_without_force(released, study, tmp_path: Path, capsys) -> None:
    patient = study.role("test")[0]
    head = read_images(released.results / "shards/flair", [patient])[patient].slices
    save_nifti(tmp_path / "near.nii", head, upright())
    assert run(tmp_path / "near.nii", released.model("unet"), tmp_path / "near.nii.gz", force=False) == 0
    assert report(tmp_path / "near.nii.gz")["forced"] == []
    save_nifti(tmp_path / "far.nii", head.max() - head, upright())
    before = sorted(tmp_path.iterdir())
    capsys.readouterr()
    assert run(tmp_path / "far.nii", released.model("unet"), tmp_path / "m.nii.gz", force=False) == 5
    said = capsys.readouterr().err
    assert re.search(r"far\.nii: flag intensity: intensities are .*--force", said)
    assert said.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    assert run(tmp_path / "far.nii", released.model("unet"), tmp_path / "m.nii.gz") == 0
    assert report(tmp_path / "m.nii.gz")["forced"] == ["intensity"]
    assert {flag["flag"]: flag["far"] for flag in report(tmp_path / "m.nii.gz")["flags"]}["intensity"] is True


def test_force_of_an_image_like_those_of_training_changes_nothing(released, study, tmp_path: Path) -> None:
    patient = study.role("test")[0]
    save_nifti(
        tmp_path / "near.nii", read_images(released.results / "shards/flair", [patient])[patient].slices, upright()
    )
    for name, force in (("a", False), ("b", True)):
        assert run(tmp_path / "near.nii", released.model("unet"), tmp_path / f"{name}.nii.gz", force=force) == 0
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert report(tmp_path / "a.nii.gz")["forced"] == report(tmp_path / "b.nii.gz")["forced"] == []


def test_a_skull_stripped_head_is_refused_by_a_model_of_whole_heads(
    released, bright, real_data, monkeypatch, tmp_path: Path, capsys
) -> None:
    patients = []
    with opened_buda(real_data / "lgg-mri-segmentation-flair.zip") as archive:
        for folder in sorted(archive.folders)[::6]:
            slices, masks = decoded(archive.read_files(folder)[0])
            given = {"spacing_mm": None, "positions_mm": None, "source": folder}
            patients.append(PatientImages(patient_id=folder, slices=slices, masks=masks, **given))
    model = load_model(released.model("unet"))
    heads = replace(model, members=(replace(model.first, training_range=measure(patients, [])),))
    monkeypatch.setattr(predict, "load_model", lambda _: heads)
    folder = real_data / "nifti/TCGA-FG-6692"
    assert run(folder / "flair_native.nii.gz", released.model("unet"), tmp_path / "n.nii.gz", force=False) == 0
    capsys.readouterr()
    assert run(folder / "flair_brats_space.nii.gz", released.model("unet"), tmp_path / "b.nii.gz", force=False) == 5
    assert "flair_brats_space.nii.gz: flag intensity: " in capsys.readouterr().err
    assert not (tmp_path / "b.nii.gz").exists()


def test_an_empty_mask_is_written_and_flagged(released, genes_seen, flair, tmp_path: Path, capsys) -> None:
    assert run(flair, released.model("unet"), tmp_path / "m.nii.gz") == 0
    assert not np.asarray(nibabel.load(tmp_path / "m.nii.gz").dataobj).any()
    assert "empty" in flags(tmp_path / "m.nii.gz")
    assert "0 voxels on 0 slices, 0.0 mL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"SeriesDescription": "AX FLAIR", "InversionTime": 900.0}, "inversion time 900 ms is that of a T1 FLAIR"),
        ({"SeriesDescription": "AX T2"}, "no FLAIR in the name, and its times do not say it either"),
    ],
)
def test_a_series_that_is_no_flair_is_flagged(tags, reason, released, bright, dicom, tmp_path: Path) -> None:
    dicom(tmp_path / "series", volume()[0], **tags)
    assert run(tmp_path / "series", released.model("unet"), tmp_path / "m.nii.gz", force=False) == 5
    assert run(tmp_path / "series", released.model("unet"), tmp_path / "m.nii.gz") == 0
    assert "not_flair" in report(tmp_path / "m.nii.gz")["forced"]
    found = {flag["flag"]: flag["found"] for flag in report(tmp_path / "m.nii.gz")["flags"]}
    assert found["not_flair"] == reason


def test_of_several_series_the_flair_is_taken_or_the_one_that_is_named(
    released, bright, dicom, tmp_path, capsys
) -> None:
    voxels, lesion = volume()
    dicom(tmp_path / "s", voxels, series="1.2.1", SeriesDescription="AX FLAIR", PatientID="7")
    dicom(tmp_path / "s", voxels[:, ::-1], series="1.2.2", SeriesDescription="AX T2", PatientID="7")
    masks = []
    for index, more in enumerate([[], ["--series=1.2.2"]]):
        out = tmp_path / f"{index}.nii.gz"
        assert run(tmp_path / "s", released.model("unet"), out, *more) == 0
        masks.append(np.asarray(nibabel.load(out).dataobj))
    assert np.array_equal(masks[0], masks[1][:, ::-1])
    assert masks[0].sum() == lesion.sum()
    capsys.readouterr()
    assert run(tmp_path / "s", released.model("unet"), tmp_path / "x.nii.gz", "--series=1.2.9") == 2
    assert "1.2.1 (AX FLAIR), 1.2.2 (AX T2)" in capsys.readouterr().err
    dicom(tmp_path / "s", voxels, series="1.2.3", SeriesDescription="AX FLAIR", PatientID="7")
    assert run(tmp_path / "s", released.model("unet"), tmp_path / "x.nii.gz") == 5
    assert "--series" in capsys.readouterr().err
    dicom(tmp_path / "s", voxels, series="1.2.4", SeriesDescription="AX FLAIR", PatientID="8")
    assert run(tmp_path / "s", released.model("unet"), tmp_path / "x.nii.gz") == 2
    assert "images of 2 patients" in capsys.readouterr().err
