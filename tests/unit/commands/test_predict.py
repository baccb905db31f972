"""Masks for new patients; where geometry is at stake, a stand-in for the network marks what is bright."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from mgi.modalities.flair.geometry import ras_of, to_stored_axes
from mgi.release.new_image import read_new_image
from mgi.release.package import load_release
from mgi.release.use import segment_patient
from mgi.shards.expression_shard import read_expression
from mgi.shards.image_shard import PatientImages, read_images
from predicted_patients import (
    BRIGHT,
    OBLIQUE,
    C,
    S,
    flags,
    report,
    run,
    save_nifti,
    volume,
    write_slices,
)


@pytest.mark.parametrize("turn", [[0, 1, 2], [1, 2, 0]])
@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, 1), (1, -1, -1)])
def test_the_mask_of_a_nifti_lies_on_its_very_voxels(turn, flip, released, bright, tmp_path: Path) -> None:
    affine = (OBLIQUE * [0.25, 1, 1, 1])[:, [*turn, 3]] @ np.diag([*flip, 1])
    voxels, lesion = volume()
    save_nifti(tmp_path / "flair.nii.gz", voxels, affine)
    output = tmp_path / "out/mask.nii.gz"
    assert run(tmp_path / "flair.nii.gz", released.model("unet"), output) == 0
    image, mask = nibabel.load(tmp_path / "flair.nii.gz"), nibabel.load(output)
    assert np.array_equal(np.asarray(mask.dataobj), lesion.transpose(2, 1, 0))
    assert mask.get_data_dtype() == np.uint8
    for field in ("pixdim", "sform_code", "qform_code", "srow_x", "srow_z", "quatern_b", "qoffset_y", "xyzt_units"):
        assert np.array_equal(mask.header[field], image.header[field]), field
    facts = report(output)["mask"]
    assert (facts["voxels"], facts["bodies"], facts["largest_share"]) == (int(lesion.sum()), 1, 1.0)
    assert facts["volume_ml"] == pytest.approx(lesion.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000, abs=1e-3)
    assert report(output)["kind"] == "nifti"


def test_forms_that_differ_are_both_kept_so_that_no_viewer_shifts_the_mask(released, bright, tmp_path: Path) -> None:
    voxels, lesion = volume()
    image = nibabel.Nifti1Image(voxels.transpose(2, 1, 0), None)
    image.set_sform(np.diag([-1.0, -1, 4, 1]), code=2)
    image.set_qform(np.array([[-1.0, 0, 0, 7], [0, -1, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1]]), code=1)
    nibabel.save(image, tmp_path / "flair.nii")
    assert run(tmp_path / "flair.nii", released.model("unet"), tmp_path / "mask.nii") == 0
    mask = nibabel.load(tmp_path / "mask.nii")
    assert np.array_equal(np.asarray(mask.dataobj), lesion.transpose(2, 1, 0))
    assert np.array_equal(mask.get_qform(), image.get_qform())
    assert np.array_equal(mask.get_sform(), image.get_sform())
    assert json.loads((tmp_path / "mask.json").read_text())["notes"] == ["sform and qform differ, took sform"]


def test_the_mask_of_a_dicom_folder_lies_where_its_slices_lie(released, bright, dicom, tmp_path: Path) -> None:
    voxels, lesion = volume()
    dicom(tmp_path / "series", voxels, SeriesDescription="AX FLAIR")
    (tmp_path / "series/notes.txt").write_text("not an image")
    output = tmp_path / "mask.nii.gz"
    assert run(tmp_path / "series", released.model("unet"), output) == 0
    mask = nibabel.load(output)
    found = nibabel.affines.apply_affine(mask.affine, np.argwhere(np.asarray(mask.dataobj)))
    k, i, j = np.argwhere(lesion).T
    lps = np.stack([10 + 0.9 * j, -20 + 0.8 * C * i, 30 + 4 * k + 0.8 * S * i], axis=1)
    expected = lps * [-1, -1, 1]
    assert found.shape == expected.shape
    assert np.allclose(np.sort(found, axis=0), np.sort(expected, axis=0), rtol=0, atol=1e-3)
    assert all(np.abs(expected - place).sum(axis=1).min() < 1e-3 for place in found)
    assert "not_flair" not in flags(output)


def test_the_masks_of_tiff_slices_bear_their_names_and_lie_on_their_pixels(
    released, bright, monkeypatch, tmp_path: Path
) -> None:
    voxels, lesion = volume()
    monkeypatch.setattr("predicted_patients.BRIGHT", BRIGHT // 4)
    write_slices(tmp_path / "TCGA_CS_0001_20000101", voxels // 4)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(
        tmp_path / "TCGA_CS_0001_20000101/TCGA_CS_0001_20000101_8_mask.tif"
    )
    assert run(tmp_path / "TCGA_CS_0001_20000101", released.model("unet"), tmp_path / "masks") == 0
    written = {path.name: np.array(Image.open(path)) for path in (tmp_path / "masks").iterdir()}
    assert sorted(written) == sorted(f"TCGA_CS_0001_20000101_{number}_mask.tif" for number in range(8, 13))
    for k, plane in enumerate(lesion):
        assert np.array_equal(written[f"TCGA_CS_0001_20000101_{8 + k}_mask.tif"], 255 * plane)
    facts = json.loads((tmp_path / "masks.json").read_text())
    assert facts["mask"]["volume_ml"] is None
    assert facts["masks"][:2] == ["TCGA_CS_0001_20000101_8_mask.tif", "TCGA_CS_0001_20000101_9_mask.tif"]


@pytest.mark.parametrize(
    ("key", "given"), [("mgi", "own"), ("mgi", "null_token"), ("mgi-no-genes", "not_used"), ("unet", "not_used")]
)
def test_a_patient_gets_the_probabilities_that_the_model_was_tested_with(key, given, released, study) -> None:
    import pyarrow.parquet as pq

    patient = study.role("test")[0]
    release = load_release(released.model(key))
    images = read_images(released.results / "shards/flair", [patient])[patient]
    shard = read_expression(released.results / "shards/rna")
    values = release.fitted.transform(shard.values[[shard.patient_ids.index(patient)]])[0]
    new = PatientImages(**{**vars(images), "patient_id": "new", "masks": None})
    found = segment_patient([release], new, [values if given == "own" else None], torch.device("cpu"))
    rows = pq.read_table(study.folder / f"predictions/{key}.parquet").to_pylist()
    stored = [row["probability"] for row in rows if row["patient_id"] == patient and row["expression_input"] == given]
    expected = np.stack([np.frombuffer(plane, np.uint8).reshape(study.SHAPE[1:]) for plane in stored])
    assert np.abs(found.astype(int) - expected).max() <= 1  # batches differ, and so may the last bit


def test_a_nifti_reaches_the_network_on_the_axes_of_training(tmp_path: Path) -> None:
    voxels, _ = volume()
    save_nifti(tmp_path / "flair.nii", voxels, OBLIQUE @ np.diag([-1, 1, -1, 1]))
    images = read_new_image(tmp_path / "flair.nii").images
    assert np.array_equal(images.slices, voxels[::-1, :, ::-1])
    expected, affine, _ = to_stored_axes(voxels, OBLIQUE @ np.diag([-1, 1, -1, 1]))
    assert np.array_equal(images.slices, expected)
    assert np.allclose(images.affine, affine, atol=1e-4)


def test_the_largest_component_alone_is_kept_where_asked_and_the_json_says_what_went(
    released, bright, tmp_path: Path
) -> None:
    voxels, lesion = volume()
    voxels[4, 2, 2] = voxels[0, 20, 3] = 900
    save_nifti(tmp_path / "flair.nii.gz", voxels, OBLIQUE)
    found = {}
    for name, more in (("all", []), ("one", ["--largest-component"])):
        assert run(tmp_path / "flair.nii.gz", released.model("unet"), tmp_path / f"{name}.nii.gz", *more) == 0
        found[name] = np.asarray(nibabel.load(tmp_path / f"{name}.nii.gz").dataobj).transpose(2, 1, 0)
    assert np.array_equal(found["one"], lesion)
    assert found["all"].sum() == lesion.sum() + 2
    assert report(tmp_path / "all.nii.gz")["largest_component"] is None
    facts = report(tmp_path / "one.nii.gz")
    assert facts["largest_component"] == {"removed_bodies": 2, "removed_voxels": 2}
    assert (facts["mask"]["bodies"], facts["mask"]["voxels"]) == (1, int(lesion.sum()))
    assert "fragmented" in flags(tmp_path / "one.nii.gz")  # of what the network marked


def test_one_volume_of_several_is_segmented_on_its_own_grid(released, bright, tmp_path: Path) -> None:
    voxels, lesion = volume()
    several = np.stack([voxels.transpose(2, 1, 0), voxels[:, ::-1].transpose(2, 1, 0)], axis=-1)
    nibabel.Nifti1Image(several, ras_of(OBLIQUE)).to_filename(tmp_path / "flair.nii.gz")
    assert run(tmp_path / "flair.nii.gz", released.model("unet"), tmp_path / "m.nii.gz", "--volume=1") == 0
    mask = nibabel.load(tmp_path / "m.nii.gz")
    assert np.array_equal(np.asarray(mask.dataobj), lesion[:, ::-1].transpose(2, 1, 0))
    assert report(tmp_path / "m.nii.gz")["notes"] == ["volume 1, from 0 to 1"]


def test_grey_png_slices_of_16_bits_get_png_masks(released, bright, tmp_path: Path) -> None:
    voxels, lesion = volume()
    (tmp_path / "slices").mkdir()
    for number, plane in enumerate(voxels.astype(np.uint16)):
        Image.fromarray(plane).save(tmp_path / f"slices/P7_{number}.png")
    assert run(tmp_path / "slices", released.model("unet"), tmp_path / "masks") == 0
    for number, plane in enumerate(lesion):
        assert np.array_equal(np.array(Image.open(tmp_path / f"masks/P7_{number}_mask.png")), 255 * plane)
    facts = json.loads((tmp_path / "masks.json").read_text())
    assert (facts["kind"], facts["masks"][0], facts["notes"]) == ("slices", "P7_0_mask.png", [])


@pytest.mark.parametrize(
    ("image", "output", "more", "message"),
    [
        ("nothing", "m.nii.gz", [], "nothing: missing"),
        ("text.txt", "m.nii.gz", [], "text.txt: "),
        ("slices/P_1.tif", "m", [], "P_1.tif: one TIFF"),
        ("empty", "m.nii.gz", [], "empty: no DICOM"),
        ("hole", "m", [], "hole: P_2.tif: missing"),
        ("slices", "m.nii.gz", [], "m.nii.gz, expected a folder"),
        ("slices", "slices", [], "is the image itself"),
        ("flair.nii.gz", "mask.png", [], "mask.png, expected"),
        ("flair.nii.gz", "flair.nii.gz", [], "is the image itself"),
        ("flair.nii.gz", "m.nii.gz", ["--expression=t.tsv"], "--expression: "),
        ("flair.nii.gz", "m.nii.gz", ["--patient=P"], "--patient: "),
        ("flair.nii.gz", "m.nii.gz", ["--series=1.2"], "--series: "),
        ("flair.nii.gz", "m.nii.gz", ["--volume=1"], "--volume: found 1, expected a number from 0 to 0"),
        ("slices", "m", ["--volume=0"], "--volume: 0: only NIfTI has volumes"),
        ("4d.nii", "m.nii.gz", [], "4d.nii: 2 volumes, expected one; choose the FLAIR with --volume, from 0 to 1"),
        ("colour", "m", [], "P_1.png: mode RGBA of 8 bits, expected grey of 8 or 16 bits or RGB of 8"),
        ("broken.nii.gz", "m.nii.gz", [], "broken.nii.gz: "),
    ],
)
def test_what_cannot_be_done_is_one_line_and_no_file(image, output, more, message, released, flair, capsys) -> None:
    folder = flair.parent
    (folder / "text.txt").write_text("hello")
    (folder / "broken.nii.gz").write_bytes(flair.read_bytes()[:500])
    (folder / "empty").mkdir()
    for name, numbers in (("slices", (1, 2)), ("hole", (1, 3))):
        (folder / name).mkdir()
        for number in numbers:
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / name / f"P_{number}.tif")
    (folder / "colour").mkdir()
    Image.new("RGBA", (8, 8)).save(folder / "colour/P_1.png")
    nibabel.Nifti1Image(np.zeros((4, 5, 6, 2), np.int16), np.eye(4)).to_filename(folder / "4d.nii")
    before = sorted(folder.rglob("*"))
    capsys.readouterr()
    assert run(folder / image, released.model("unet"), folder / output, *more) in (2, 5)
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_a_second_prediction_takes_the_place_of_the_first(released, bright, flair, tmp_path: Path) -> None:
    for _ in range(2):
        assert run(flair, released.model("unet"), tmp_path / "m.nii.gz") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flair.nii.gz", "m.json", "m.nii.gz"]


def test_real_files_get_masks_on_their_own_grids(released, real_data, bright, tmp_path: Path) -> None:
    flair = real_data / "nifti/TCGA-FG-6692/flair_native.nii.gz"
    assert run(flair, released.model("unet"), tmp_path / "n.nii.gz") == 0
    image, mask = nibabel.load(flair), nibabel.load(tmp_path / "n.nii.gz")
    assert np.array_equal(mask.header["srow_x"], image.header["srow_x"])
    assert np.array_equal(np.asarray(mask.dataobj), np.asarray(image.dataobj) > BRIGHT)
    series, expected = (real_data / f"dicom/flair_explicit_vr{part}" for part in ("", "/expected_volume.nii.gz"))
    assert run(series, released.model("unet"), tmp_path / "d.nii.gz") == 0
    mask, truth = nibabel.load(tmp_path / "d.nii.gz"), nibabel.as_closest_canonical(nibabel.load(expected))
    mask = nibabel.as_closest_canonical(mask)
    assert np.allclose(mask.affine, truth.affine, rtol=0, atol=1e-2)
    assert np.array_equal(np.asarray(mask.dataobj), np.asarray(truth.dataobj) > BRIGHT)
    assert "not_axial" in flags(tmp_path / "d.nii.gz")
    assert "not_flair" not in flags(tmp_path / "d.nii.gz")
