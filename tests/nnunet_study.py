"""Results of six patients and two folds, and what nnU-Net would leave behind of them without having been run."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np

from mgi.cohort.split import TEST, TRAIN, UNPAIRED_IMAGE, VALIDATION, SplitRow
from mgi.cohort.tables import write_split
from mgi.modalities.flair.geometry import to_stored_axes
from mgi.shards.channels import MAIN_ALONE, Channel
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import PatientImages, image_shard_writer
from mgi.tasks.segmentation.nnunet_dataset import case_of

SHAPE = (4, 6, 7)  # k i j, all different, so that a wrong turn cannot go unseen
FLAT, DOTTED, AXIAL, SAGITTAL, SHEARED, APART = "P1_seg", "_q.2", "TCGA-CS-0001", "TCGA-DU-0002", "TCGA-DU-0003", "Z-9"
AFFINES = {
    AXIAL: [[0, 0, 0.9, -80], [0, -0.9, 0, 90], [5.0, 0, 0, -30], [0, 0, 0, 1]],
    SAGITTAL: [[1.5, 0, 0, -60], [0, 0, 1.0, -90], [0, -1.0, 0, 100], [0, 0, 0, 1]],
    SHEARED: [[0, 0, 1, -80], [0.6, 1, 0, -90], [5.0, 0, 0, -30], [0, 0, 0, 1]],
    DOTTED: [[0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]],
    APART: [[0, 0, 1, 7], [0, 1, 0, 8], [2, 0, 0, 9], [0, 0, 0, 1]],
}
DTYPES = {FLAT: np.uint8, DOTTED: np.float32, AXIAL: np.int16, SAGITTAL: np.uint16, SHEARED: np.int16, APART: np.int16}
ROLES = [
    {FLAT: TEST, SAGITTAL: TEST, AXIAL: VALIDATION, DOTTED: TRAIN, SHEARED: TRAIN, APART: UNPAIRED_IMAGE},
    {FLAT: TRAIN, SAGITTAL: TRAIN, AXIAL: TEST, DOTTED: TEST, SHEARED: VALIDATION},
]


def volume_of(patient: str) -> PatientImages:
    """A patient as the shard stores one: noise with a box of tumour."""
    rng = np.random.default_rng(len(patient) + ord(patient[-1]))
    voxels = rng.integers(1, 99, SHAPE).astype(DTYPES[patient])
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:3, 1:4, 2 : 4 + ord(patient[-1]) % 3] = 1
    if patient == FLAT:
        return PatientImages(
            patient_id=patient, slices=voxels, masks=mask, spacing_mm=None, positions_mm=None, source="0"
        )
    slices, affine, native = to_stored_axes(voxels, np.array(AFFINES[patient], float))
    masks, *_ = to_stored_axes(mask, np.array(AFFINES[patient], float))
    row, column = np.linalg.norm(affine[:3, 1:3], axis=0).tolist()
    return PatientImages(
        patient_id=patient, slices=np.ascontiguousarray(slices), masks=np.ascontiguousarray(masks),
        spacing_mm=(row, column), positions_mm=None, source="0", affine=affine, native_axes=native,
    )  # fmt: skip


def write_results(
    folder: Path, roles: Iterable[dict[str, str]] = ROLES, channels: tuple[Channel, ...] = MAIN_ALONE
) -> Path:
    """The part of a results folder that an export reads; channels beside FLAIR are its slices upside down."""
    shard = folder / "shards/flair"
    with image_shard_writer(shard / "slices.parquet", channels) as writer:
        for patient in sorted(DTYPES):
            images = volume_of(patient)
            others = np.stack([images.slices[:, ::-1]] * (len(channels) - 1), 1) if len(channels) > 1 else None
            writer.add(replace(images, others=others, channels=channels))
    fields = {"simulated": True} | ({"channels": list(channels)} if len(channels) > 1 else {})
    write_dataset(shard / "dataset.json", "volumes", [shard / "slices.parquet"], fields)
    rows = [SplitRow(fold, one, "S", role) for fold, given in enumerate(roles) for one, role in given.items()]
    write_split(sorted(rows), folder / "tables/split.parquet")
    return folder


def pretend_training(export: Path, fold: int, validated: Iterable[str]) -> Path:
    """The folder of a model that wrote a mask of each patient whom it validated on."""
    model = export / "nnUNet_results/Dataset501_MGI/nnUNetTrainer__nnUNetPlans__2d"
    validation = model / f"fold_{fold}/validation"
    shutil.rmtree(validation, ignore_errors=True)
    validation.mkdir(parents=True)
    (model / "plans.json").write_text("{}")
    (model / f"fold_{fold}/checkpoint_final.pth").write_bytes(b"weights")
    for patient in validated:
        (validation / f"{case_of(patient)}.nii.gz").touch()
    return model


Change = Callable[[np.ndarray], np.ndarray]


def pretend_predicting(export: Path, fold: int, change: Change = lambda mask: mask) -> Path:
    """A label map, made of the true mask, of every image that the fold is to predict; written as nnU-Net writes it."""
    folder = export / f"predicted/fold_{fold}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    by_case = {case_of(patient): volume_of(patient).masks for patient in DTYPES}
    for image in sorted((export / f"test/fold_{fold}").iterdir()):
        case = image.name.removesuffix("_0000.nii.gz")
        mask = change(by_case[case]).transpose(2, 1, 0)
        nibabel.save(nibabel.Nifti1Image(mask, nibabel.load(image).affine), folder / f"{case}.nii.gz")
    return folder
