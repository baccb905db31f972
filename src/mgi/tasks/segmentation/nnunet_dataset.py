"""A cohort as a raw dataset of nnU-Net v2: images and masks, the folds as lists of cases, each fold's test images.

nnU-Net trains and predicts by its own programs. It is given the patients, pixels, masks and folds that every method
here has. Format: `dataset_format.md` and `manual_data_splits.md` of its documentation.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.cohort.split import TEST, TRAIN, UNPAIRED_EXPRESSION, UNPAIRED_IMAGE, VALIDATION
from mgi.cohort.tables import patients_with_role
from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.modalities.flair.nifti_output import write_volume
from mgi.shards.channels import Channel
from mgi.shards.image_shard import PatientImages, channels_of, iter_images
from mgi.tasks.segmentation.scoring import true_mask

ENDING = ".nii.gz"
SPLITS = "splits_final.json"
EXPORT = "export.json"
_PLAIN = re.compile(r"[^A-Za-z0-9-]")
_ESCAPED = re.compile(r"_([0-9a-f]{2})")
# nnU-Net scales by these names: it knows none of them, so that each channel gets z-scores of its own.
_CHANNEL_NAMES: Mapping[Channel, str] = {"pre": "pre-contrast", "flair": "FLAIR", "post": "post-contrast"}
_ABOUT = {
    "labels": {"background": 0, "tumour": 1},
    "file_ending": ENDING,
    # ITK refuses a sheared grid; nibabel takes any and writes predictions back onto it
    "overwrite_image_reader_writer": "NibabelIO",
}

Spacing = tuple[float, float, float]
"""Millimetres between slices, rows and columns."""


@dataclass(frozen=True)
class DatasetFolder:
    """Where everything lies: `root` has a folder for each of nnU-Net's three environment variables."""

    root: Path
    number: int

    @property
    def name(self) -> str:
        """The name by which nnU-Net knows the dataset."""
        return f"Dataset{self.number:03d}_MGI"

    @property
    def raw(self) -> Path:
        """Images and masks."""
        return self.root / "nnUNet_raw" / self.name

    @property
    def splits(self) -> Path:
        """The folds, where nnU-Net's trainer looks for them."""
        return self.root / "nnUNet_preprocessed" / self.name / SPLITS

    def tested(self, fold: int) -> Path:
        """The images that a fold's model is to predict."""
        return self.root / "test" / f"fold_{fold}"


@dataclass(frozen=True, kw_only=True)
class Export:
    """What was exported: nnU-Net's number of the dataset, and the shard by the SHA-256 of its dataset.json.

    `spacing_mm` is that of the patients `without_geometry`.
    """

    dataset: int
    spacing_mm: Spacing
    without_geometry: tuple[str, ...]
    shard_sha256: str


def case_of(patient_id: str) -> str:
    """The name of a patient in nnU-Net's files: letters, digits and hyphens stay, others become `_` and their code.

    So `P1_seg` is `P1_5fseg`: nnU-Net reads meaning into what follows an underscore.
    """
    return _PLAIN.sub(lambda found: f"_{ord(found[0]):02x}", patient_id)


def patient_of(case: str) -> str:
    """The patient of a case. Raises BadInputError where `case_of` gives no such name."""
    patient = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), case)
    if case_of(patient) != case:
        raise BadInputError(f"case {case!r}: no name of an exported patient")
    return patient


def exported_patients(split: pd.DataFrame) -> list[str]:
    """Whoever has an image and a role in any fold, sorted."""
    return sorted(set(split.loc[split["role"] != UNPAIRED_EXPRESSION, "patient_id"]))


def patients_to_predict(split: pd.DataFrame, fold: int) -> list[str]:
    """Whom every method predicts in a fold: its test patients, and those without expression; sorted."""
    return sorted([*patients_with_role(split, fold, TEST), *patients_with_role(split, fold, UNPAIRED_IMAGE)])


def fold_lists(split: pd.DataFrame) -> list[dict[str, list[str]]]:
    """The cases that each fold trains and validates on, sorted, as `splits_final.json` has them; nobody who is tested.

    Raises BadInputError where folds are not numbered 0, 1, 2, …: nnU-Net knows a fold by its position.
    """
    folds = sorted(split["fold"].unique().tolist())
    if folds != list(range(len(folds))):
        raise BadInputError(f"split: folds {folds}, expected 0 to {len(folds) - 1}")
    roles = {"train": TRAIN, "val": VALIDATION}
    return [
        {name: sorted(map(case_of, patients_with_role(split, fold, role))) for name, role in roles.items()}
        for fold in folds
    ]


def grid_of(images: PatientImages, unknown: Spacing) -> NDArray[np.float64]:
    """The affine of a patient's volume, from (k, i, j, 1) to LPS mm; one with `unknown` spacing where it has none."""
    if images.affine is not None:
        return images.affine
    affine = np.zeros((4, 4))
    affine[[2, 1, 0, 3], [0, 1, 2, 3]] = (*unknown, 1.0)  # slices to the head, rows to the back, columns to the left
    return affine


def export_dataset(shard: Path, split: pd.DataFrame, folder: DatasetFolder, unknown: Spacing) -> list[str]:
    """Write the dataset, `dataset.json` last; returns the patients whose source had no geometry.

    Each channel of an image is a file of its own. Whoever trains in any fold lies in `imagesTr`, whoever trains in none
    in `imagesTs`. Raises BadInputError where a patient is absent from the shard or has no mask.
    """
    folds, channels = fold_lists(split), channels_of(shard)
    trained = {patient_of(case) for lists in folds for cases in lists.values() for case in cases}
    flat = []
    for images in iter_images(shard, exported_patients(split)):
        patient, affine = images.patient_id, grid_of(images, unknown)
        if images.affine is None:
            flat.append(patient)
        for number, volume in enumerate(images.volumes):
            write_volume(_image(folder, patient, trained, number), volume, affine)
        if patient in trained:
            mask = true_mask(images, shard).astype(np.uint8)
            write_volume(folder.raw / "labelsTr" / f"{case_of(patient)}{ENDING}", mask, affine)
    for fold in range(len(folds)):
        images_of_fold = [
            _image(folder, patient, trained, number)
            for patient in patients_to_predict(split, fold)
            for number in range(len(channels))
        ]
        _link(images_of_fold, folder.tested(fold))
    for path in (folder.splits, folder.raw / SPLITS):  # planning copies the second one to where the first one lies
        _write_json(path, folds)
    names = {str(number): _CHANNEL_NAMES[channel] for number, channel in enumerate(channels)}
    about = {"channel_names": names, **_ABOUT, "numTraining": len(trained), "name": folder.name}
    _write_json(folder.raw / "dataset.json", about)
    return flat


def _image(folder: DatasetFolder, patient: str, trained: set[str], number: int) -> Path:
    place = "imagesTr" if patient in trained else "imagesTs"
    return folder.raw / place / f"{case_of(patient)}_{number:04d}{ENDING}"


def _link(images: Sequence[Path], folder: Path) -> None:
    """Relative links: the whole export may be moved."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        (folder / image.name).symlink_to(os.path.relpath(image, folder))


def _write_json(path: Path, content: Sequence[Any] | Mapping[str, Any]) -> None:
    """Plain JSON: nnU-Net's own files carry no digest."""
    with atomic_path(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
