"""What nnU-Net predicted for a fold's test patients, refused where it is not what the fold asked for."""

import json
import math
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.geometry import lps_of, to_stored_axes
from mgi.modalities.flair.quarantine import quarantine
from mgi.shards.image_shard import PatientImages
from mgi.tasks.segmentation.nnunet_dataset import (
    ENDING,
    DatasetFolder,
    Spacing,
    case_of,
    fold_lists,
    grid_of,
    patient_of,
    patients_to_predict,
)

TUMOUR = 255
"""The stored probability of a voxel that nnU-Net calls tumour: its label maps say no more than yes or no."""
_SAME_GRID_MM = 1e-2


def require_same_folds(folder: DatasetFolder, split: pd.DataFrame) -> None:
    """Raise BadInputError where the file that nnU-Net's trainer reads has other folds than the split."""
    path = folder.splits
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"{path}: missing, expected the folds of the export") from None
    except ValueError as error:
        raise BadInputError(f"{path}: not JSON ({error}), expected the folds of the export") from None
    if found != fold_lists(split):
        raise BadInputError(f"{path}: other folds than those of the split; export and train again")


def require_trained_on(model: Path, fold: int, split: pd.DataFrame) -> Path:
    """The folder of a fold's model, which must have validated on the fold's validation patients and on nobody else.

    nnU-Net writes a mask of each of them when its training ends. Where it finds no list of folds it draws its own: then
    these masks are of others, and test patients were trained on. Raises BadInputError.
    """
    trained = model / f"fold_{fold}"
    found, expected = set(_cases_in(trained / "validation")), set(fold_lists(split)[fold]["val"])
    if other := sorted(found ^ expected):
        patient, which = other[0], "is" if other[0] in found else "is not"
        raise BadInputError(
            f"{trained / 'validation'}: {patient} {which} among its masks, {len(other)} differ; expected those of the "
            f"{len(expected)} validation patients of fold {fold}: it was trained on other folds or is not finished"
        )
    return trained


def predicted_files(folder: Path, fold: int, split: pd.DataFrame) -> dict[str, Path]:
    """The label map of each patient whom the fold tests, sorted by patient.

    Raises BadInputError naming a patient who is missing, or one who is not tested there.
    """
    tested = patients_to_predict(split, fold)
    rows = split[split["fold"] == fold]
    roles = dict(zip(rows["patient_id"], rows["role"], strict=True))
    files = {patient_of(case): path for case, path in _cases_in(folder).items()}
    if strange := sorted(files.keys() - set(tested)):
        role = roles.get(strange[0])
        found = "is not in the split" if role is None else f"has the role {role} in fold {fold}"
        raise BadInputError(f"{files[strange[0]]}: {strange[0]} {found}, expected test patients alone")
    if missing := [patient for patient in tested if patient not in files]:
        name = f"{case_of(missing[0])}{ENDING}"
        count = f"{len(missing)} of {len(tested)} are"
        raise BadInputError(f"{folder / name}: missing ({count}), expected every patient whom fold {fold} tests")
    return {patient: files[patient] for patient in tested}


def read_predicted(path: Path, images: PatientImages, unknown: Spacing) -> NDArray[np.uint8]:
    """A label map of 0 and 1 as stored probabilities of 0 and TUMOUR, on the grid of the patient's slices.

    Axes may be turned; nothing is resampled. Raises BadInputError for another grid or another value.
    """
    with quarantine(str(path), "NIfTI"):
        image = nibabel.load(path)
        if len(image.shape) != 3 or math.prod(image.shape) != images.slices.size:
            raise BadInputError(f"{path}: shape {image.shape}, expected {images.slices.shape[::-1]} as exported")
        if (kind := image.get_data_dtype()).kind not in "iuf":
            raise BadInputError(f"{path}: datatype {kind}, expected numbers")
        voxels, affine, _ = to_stored_axes(np.asanyarray(image.dataobj).transpose(2, 1, 0), lps_of(image.affine))
    expected = grid_of(images, unknown)
    if voxels.shape != images.slices.shape or not np.allclose(affine, expected, rtol=0, atol=_SAME_GRID_MM):
        raise BadInputError(
            f"{path}: grid {voxels.shape[::-1]} with affine {np.round(affine, 3).tolist()}, expected "
            f"{images.slices.shape[::-1]} with {np.round(expected, 3).tolist()} as exported"
        )
    if (foreign := voxels[(voxels != 0) & (voxels != 1)]).size:
        raise BadInputError(f"{path}: label {foreign.flat[0]:g} in {foreign.size} voxels, expected 0 and 1 alone")
    return np.where(voxels == 1, TUMOUR, 0).astype(np.uint8)


def _cases_in(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise BadInputError(f"{folder}: missing, expected a folder of nnU-Net's masks")
    return {path.name.removesuffix(ENDING): path for path in sorted(folder.glob(f"*{ENDING}"))}
