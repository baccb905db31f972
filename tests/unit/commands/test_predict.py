"""Masks for new patients; where geometry is at stake, a stand-in for the network marks what is bright."""

import json
import re
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from mgi.cli import main
from mgi.commands import predict
from mgi.commands._new_patient import _require_one_patient
from mgi.core.errors import ConfigError
from mgi.modalities.flair.buda import decoded, opened_buda
from mgi.modalities.flair.geometry import ras_of, to_stored_axes
from mgi.release.ensemble import load_model
from mgi.release.new_image import read_new_image
from mgi.release.package import load_release
from mgi.release.training_range import measure
from mgi.release.use import segment_patient
from mgi.shards.expression_shard import read_expression
from mgi.shards.image_shard import PatientImages, read_images

SHAPE = (5, 22, 24)  # k i j
LESION = (slice(1, 3), slice(4, 9), slice(13, 20))  # near one corner, so that no wrong turn goes unseen
C, S = np.cos(0.3), np.sin(0.3)
OBLIQUE = np.array([[0, 0.1, 0.9, -90.5], [-2 * S, 0.9 * C, 0, -101.25], [5 * C, 0.9 * S, 0, 33.3], [0, 0, 0, 1]])
BRIGHT = 700


def volume(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A noisy volume (k, i, j) with a bright lesion, and the lesion."""
    lesion = np.zeros(SHAPE, np.uint8)
    lesion[LESION] = 1
    noise = np.random.default_rng(seed).normal(300, 60, SHAPE).clip(0, 600)
    return np.where(lesion, 900, noise).astype(np.int16), lesion


def save_nifti(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    image = nibabel.Nifti1Image(voxels.transpose(2, 1, 0), ras_of(affine))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def run(image: Path, model: Path, output: Path, *more: str, force: bool = True) -> int:
    """The exit code; forced, since the toy model has seen no image but the study's four."""
    forced = ["--force"] if force else []
    return main(["predict", str(image), f"--model={model}", f"--output={output}", *forced, *more])


def report(output: Path) -> dict:
    return json.loads(output.with_name(output.name.removesuffix(".nii.gz") + ".json").read_text())


def flags(output: Path) -> set[str]:
    return {flag["flag"] for flag in report(output)["flags"]}


@pytest.fixture
def bright(monkeypatch) -> None:
    """In place of the network: what is brighter than BRIGHT is tumour."""
    monkeypatch.setattr(
        predict, "segment_patient", lambda _, images, *__: np.where(images.slices > BRIGHT, 255, 0).astype(np.uint8)
    )


@pytest.fixture
def dicom(mr_file) -> Callable[..., None]:
    """Write a volume as DICOM files whose names and numbers say nothing of their place."""

    def write(folder: Path, voxels: np.ndarray, *, series: str = "1.2.3.4", **tags: object) -> None:
        folder.mkdir(exist_ok=True)
        for k, plane in enumerate(voxels):
            own = {"SeriesInstanceUID": series, "SOPInstanceUID": f"{series}.{k}", **tags}
            content = mr_file(
                plane.astype(np.uint16), position=(10.0, -20.0, 30.0 + 4 * k), axes=(1, 0, 0, 0, C, S),
                spacing=(0.8, 0.9), instance=9 - k, tags=own,
            )  # fmt: skip
            (folder / f"{series}-{(7 * k) % 5}").write_bytes(content)

    return write


def write_slices(folder: Path, voxels: np.ndarray, stem: str = "TCGA_CS_0001_20000101") -> None:
    """FLAIR in the middle channel, decoys in the others; two digits, so that 10 must come after 2."""
    folder.mkdir()
    decoy = voxels[:, ::-1]
    for number, (flair, other) in enumerate(zip(voxels, decoy, strict=True), start=8):
        pixels = np.stack([other, flair, other], axis=-1).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{stem}_{number}.tif")


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
    monkeypatch.setattr(sys.modules[__name__], "BRIGHT", BRIGHT // 4)
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


def table(path: Path, genes: list[str], samples: dict[str, list[float]]) -> Path:
    lines = [["gene_id", *samples], *([gene, *column] for gene, *column in zip(genes, *samples.values(), strict=True))]
    path.write_text("\n".join("\t".join(map(str, line)) for line in lines) + "\n")
    return path


@pytest.fixture
def flair(tmp_path: Path) -> Path:
    save_nifti(tmp_path / "flair.nii.gz", volume()[0], OBLIQUE)
    return tmp_path / "flair.nii.gz"


@pytest.fixture
def genes_seen(monkeypatch) -> list:
    """What reaches the network as genes."""
    seen: list = []

    def record(_, images, scaled, __):
        seen.extend(scaled)
        return np.zeros(images.slices.shape, np.uint8)

    monkeypatch.setattr(predict, "segment_patient", record)
    return seen


def test_expression_is_put_on_the_frozen_genes_and_scaler(released, study, flair, genes_seen, tmp_path: Path) -> None:
    release = load_release(released.model("mgi"))
    values = np.random.default_rng(1).normal(size=12).round(3)
    order = [f"ENSG{index:03d}" for index in range(12)]
    path = table(tmp_path / "t.tsv", order[::-1], {"other": [0.0] * 12, "P7": values[::-1].tolist()})
    out = tmp_path / "m.nii.gz"
    assert run(flair, released.model("mgi"), out, f"--expression={path}", "--patient=P7") == 0
    assert run(flair, released.model("mgi"), out) == 0
    expected = release.fitted.transform(values[None].astype(np.float32))[0]
    assert np.array_equal(genes_seen[0], expected)
    assert genes_seen[1] is None
    assert report(out)["genes"]["used"] == "without genes (null token)"


def test_missing_genes_are_counted_filled_with_the_mean_and_refused_above_a_share(
    released, flair, genes_seen, tmp_path: Path, capsys
) -> None:
    values = [1.0, 0.5, float("nan"), *np.linspace(-1, 1, 8).tolist()]
    path = table(tmp_path / "t.tsv", [f"ENSG{index:03d}" for index in range(11)], {"P7": values})
    out = tmp_path / "m.nii.gz"
    assert run(flair, released.model("mgi"), out, f"--expression={path}") == 5
    said = capsys.readouterr().err
    assert re.search("2 .*12 .*ENSG002.*10%", said)
    assert said.count("\n") == 1
    assert not out.exists()
    assert run(flair, released.model("mgi"), out, f"--expression={path}", "--max-missing=0.2") == 0
    assert "flag missing_genes: 2 of 12 genes" in capsys.readouterr().err
    assert np.abs(genes_seen[0][[2, 11]]).max() < 1e-6
    assert np.abs(genes_seen[0][[0, 1, 3]]).min() > 1e-3
    genes = report(out)["genes"]
    assert (genes["missing"], genes["missing_genes"], genes["filled_with"]) == (
        2,
        ["ENSG002", "ENSG011"],
        "training mean",
    )


def test_values_on_another_scale_are_flagged(released, flair, genes_seen, tmp_path: Path) -> None:
    path = table(tmp_path / "t.tsv", [f"ENSG{index:03d}" for index in range(12)], {"P7": [1000.0] * 12})
    assert run(flair, released.model("mgi"), tmp_path / "m.nii.gz", f"--expression={path}") == 0
    assert {"expression", "expression_scale"} <= set(flags(tmp_path / "m.nii.gz"))


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


def upright(step_mm: float = 4.0) -> np.ndarray:
    """An affine (k, i, j) of pixels of 1 mm."""
    return np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [step_mm, 0, 0, 0], [0, 0, 0, 1]])


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


def test_the_genes_of_another_patient_than_the_images_are_refused(capsys) -> None:
    given = Namespace(image=Path("dicom"), patient="A")
    for image_id, sample in (
        (None, "TCGA-CS-0001"),
        ("tcga_cs_0001", "TCGA-CS-0001-01A"),
        ("MRN 7", "mrn 7"),
    ):
        _require_one_patient(image_id, sample, given)
    assert capsys.readouterr().err == ""
    _require_one_patient("MRN 7", "TCGA-CS-0001", given)
    assert "PatientID 'MRN 7', the genes are of 'TCGA-CS-0001'" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"dicom: PatientID 'TCGA-DU-0002', but --expression is of 'TCGA-CS-0001'"):
        _require_one_patient("TCGA-DU-0002", "TCGA-CS-0001", given)
