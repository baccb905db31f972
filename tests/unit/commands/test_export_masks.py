from pathlib import Path

import nibabel
import numpy as np
import pytest

from mgi.cli import parser_of
from mgi.commands import export_masks
from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.modalities.flair.geometry import to_stored_axes
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import PatientImages, image_shard_writer
from mgi.tasks.segmentation.learning import prediction_writer

A, B, FLAT = "TCGA-CS-0001", "TCGA-DU-0002", "TCGA-DU-0003"
RNG = np.random.default_rng(0)
SHAPE = (4, 5, 6)  # k i j, all different, so that a wrong turn cannot go unseen
MASKS = {patient: (RNG.random(SHAPE) > 0.5).astype(np.uint8) for patient in (A, B, FLAT)}
PROBABILITY = {patient: RNG.integers(0, 256, SHAPE).astype(np.uint8) for patient in (A, B, FLAT)}
# A: an axial scan, rows to the front. B: a sagittal one.
AFFINES = {
    A: np.array([[0, 0, 0.9, -80], [0, -0.9, 0, 90], [5.0, 0, 0, -30], [0, 0, 0, 1]]),
    B: np.array([[1.5, 0, 0, -60], [0, 0, 1.0, -90], [0, -1.0, 0, 100], [0, 0, 0, 1]]),
}
UNET = Run(task="segmentation", method="unet", inputs=("flair",), fold=0, seed=0)
RUN = UNET.key


def images(patient: str, *, masks: bool = True) -> PatientImages:
    if patient == FLAT:
        return PatientImages(
            patient_id=patient, slices=RNG.integers(0, 99, SHAPE).astype(np.uint8), masks=MASKS[patient],
            spacing_mm=None, positions_mm=None, source="0",
        )  # fmt: skip
    slices, affine, native = to_stored_axes(RNG.integers(0, 99, SHAPE).astype(np.int16), AFFINES[patient])
    mask = np.ascontiguousarray(to_stored_axes(MASKS[patient], AFFINES[patient])[0])
    row, column = np.linalg.norm(affine[:3, 1:3], axis=0).tolist()
    return PatientImages(
        patient_id=patient, slices=np.ascontiguousarray(slices), masks=mask if masks else None,
        spacing_mm=(row, column), positions_mm=None, source="0", affine=affine, native_axes=native,
    )  # fmt: skip


def stored(folder: Path, patients: list[PatientImages]) -> Path:
    path = folder / "shard/slices.parquet"
    with image_shard_writer(path) as writer:
        for one in patients:
            writer.add(one)
    write_dataset(path.parent / "dataset.json", "volumes", [path], {"simulated": False})
    return path.parent


def predicted(folder: Path, patients: list[str], given: str = "not_used") -> Path:
    path = folder / "p.parquet"
    with prediction_writer(path, UNET) as writer:
        for patient in patients:
            values = PROBABILITY[patient]
            turned = values if patient == FLAT else to_stored_axes(values, AFFINES[patient])[0]
            writer.add(patient, given, None, list(turned))
            writer.add(patient, "null_token", None, list(255 - turned))
    return path


def run(slices: Path, folder: Path, *more: str) -> dict[str, nibabel.Nifti1Image]:
    arguments = ["--image-shard", str(slices), "--output", str(folder / "out"), *more]
    export_masks.run(parser_of(export_masks).parse_args(arguments))
    return {path.name.removesuffix(".nii.gz"): nibabel.load(path) for path in sorted((folder / "out").iterdir())}


def voxels(image: nibabel.Nifti1Image) -> np.ndarray:
    return np.asarray(image.dataobj).transpose(2, 1, 0)


def test_masks_and_predictions_return_to_each_patient_s_own_grid(tmp_path: Path) -> None:
    slices = stored(tmp_path, [images(A), images(B)])
    found = run(slices, tmp_path, "--predictions", str(predicted(tmp_path, [A, B])))
    assert sorted(found) == sorted([f"{A}_reference", f"{A}_{RUN}", f"{B}_reference", f"{B}_{RUN}"])
    for patient in (A, B):
        assert np.array_equal(voxels(found[f"{patient}_reference"]), MASKS[patient])
        assert np.array_equal(voxels(found[f"{patient}_{RUN}"]), PROBABILITY[patient] >= 128)
        to_ras = np.diag([-1.0, -1, 1, 1]) @ AFFINES[patient][:, [2, 1, 0, 3]]
        assert np.allclose(found[f"{patient}_{RUN}"].affine, to_ras, rtol=0, atol=1e-3)


def test_without_predictions_every_reference_mask_is_written(tmp_path: Path) -> None:
    assert sorted(run(stored(tmp_path, [images(A), images(B, masks=False)]), tmp_path)) == [f"{A}_reference"]


def test_another_expression_input_can_be_asked_for(tmp_path: Path) -> None:
    slices, path = stored(tmp_path, [images(A)]), predicted(tmp_path, [A])
    found = run(slices, tmp_path, "--predictions", str(path), "--expression-input", "null_token")
    assert np.array_equal(voxels(found[f"{A}_{RUN}"]), 255 - PROBABILITY[A] >= 128)
    with pytest.raises(BadInputError, match=r"cohort_mean.*--expression-input"):
        run(slices, tmp_path, "--predictions", str(path), "--expression-input", "cohort_mean")


def test_a_patient_without_geometry_is_named_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slices = stored(tmp_path, [images(A), images(FLAT)])
    found = run(slices, tmp_path, "--predictions", str(predicted(tmp_path, [A, FLAT])))
    assert sorted(found) == sorted([f"{A}_reference", f"{A}_{RUN}"])
    printed = capsys.readouterr()
    assert printed.err == f"{FLAT}: no geometry in its source, left out\n"
    assert printed.out == "1 patients, 2 masks\n"


def test_a_shard_without_any_geometry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no patient .*geometry"):
        run(stored(tmp_path, [images(FLAT)]), tmp_path)


def test_predictions_on_another_grid_are_refused(tmp_path: Path) -> None:
    slices = stored(tmp_path, [images(A)])
    path = tmp_path / "p.parquet"
    with prediction_writer(path, UNET) as writer:
        writer.add(A, "not_used", None, list(PROBABILITY[A][:, :, :-1]))
    with pytest.raises(BadInputError, match=rf"{A}: \(4, 5, 5\).*\(4, 5, 6\)"):
        run(slices, tmp_path, "--predictions", str(path))
