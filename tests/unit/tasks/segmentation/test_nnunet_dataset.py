import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from mgi.cohort.tables import read_split
from mgi.core.errors import BadInputError
from mgi.modalities.flair.geometry import lps_of
from mgi.tasks.segmentation.nnunet_dataset import (
    DatasetFolder,
    case_of,
    export_dataset,
    fold_lists,
    grid_of,
    patient_of,
    patients_to_predict,
)
from nnunet_study import APART, AXIAL, DOTTED, DTYPES, FLAT, ROLES, SAGITTAL, SHEARED, volume_of, write_results

SPACING = (6.0, 1.5, 2.0)


@pytest.fixture
def folder(tmp_path: Path) -> DatasetFolder:
    results, folder = write_results(tmp_path / "results"), DatasetFolder(tmp_path / "nnunet", 7)
    export_dataset(results / "shards/flair", read_split(results / "tables/split.parquet"), folder, SPACING)
    return folder


@pytest.mark.parametrize("patient", ["TCGA-CS-4942", "P1_seg", "_q.2", "P1_0000", "a__b", "x_5f", "X_5F"])
def test_a_case_leads_back_to_its_patient(patient: str) -> None:
    case = case_of(patient)
    assert patient_of(case) == patient
    assert not case.endswith(("_seg", "_0000"))


def test_a_barcode_stays_as_it_is() -> None:
    assert case_of("TCGA-CS-4942") == "TCGA-CS-4942"


@pytest.mark.parametrize("case", ["P1_seg", "a.b", "x_2d", "x_5F", "_"])
def test_a_name_that_no_patient_gets_is_refused(case: str) -> None:
    with pytest.raises(BadInputError, match=case.replace(".", r"\.")):
        patient_of(case)


def test_no_fold_lists_whom_it_tests(folder: DatasetFolder) -> None:
    expected = [
        {"train": sorted(["_5fq_2e2", SHEARED]), "val": [AXIAL]},
        {"train": sorted(["P1_5fseg", SAGITTAL]), "val": [SHEARED]},
    ]
    for path in (folder.splits, folder.raw / "splits_final.json"):
        assert json.loads(path.read_text()) == expected
    for fold, roles in enumerate(ROLES):
        tested = {one for one, role in roles.items() if role in ("test", "unpaired_image")}
        images = {path.name.removesuffix("_0000.nii.gz") for path in folder.tested(fold).iterdir()}
        assert {patient_of(case) for case in images} == tested
        assert images.isdisjoint(expected[fold]["train"] + expected[fold]["val"])


def test_images_and_masks_have_the_shard_s_own_numbers(folder: DatasetFolder) -> None:
    about = json.loads((folder.raw / "dataset.json").read_text())
    assert (about["channel_names"], about["file_ending"], about["numTraining"]) == ({"0": "FLAIR"}, ".nii.gz", 5)
    assert about["labels"] == {"background": 0, "tumour": 1}
    cases = {path.name for path in (folder.raw / "labelsTr").iterdir()}
    assert cases == {f"{case_of(one)}.nii.gz" for one in DTYPES if one != APART}
    for patient in DTYPES:
        own, case = volume_of(patient), case_of(patient)
        image = nibabel.load(folder.raw / ("imagesTs" if patient == APART else "imagesTr") / f"{case}_0000.nii.gz")
        assert image.get_data_dtype() == DTYPES[patient]
        assert np.array_equal(np.asanyarray(image.dataobj).transpose(2, 1, 0), own.slices)
        assert np.allclose(lps_of(image.affine), grid_of(own, SPACING), rtol=0, atol=1e-4)
        if patient != APART:
            mask = nibabel.load(folder.raw / f"labelsTr/{case}.nii.gz")
            assert np.array_equal(np.asanyarray(mask.dataobj).transpose(2, 1, 0), own.masks)
            assert np.array_equal(mask.affine, image.affine)


def test_every_channel_is_a_file_of_its_own(tmp_path: Path) -> None:
    results = write_results(tmp_path / "results", channels=("flair", "post"))
    folder = DatasetFolder(tmp_path / "nnunet", 7)
    export_dataset(results / "shards/flair", read_split(results / "tables/split.parquet"), folder, SPACING)
    about = json.loads((folder.raw / "dataset.json").read_text())
    assert about["channel_names"] == {"0": "FLAIR", "1": "post-contrast"}
    for patient in DTYPES:
        place, own = folder.raw / ("imagesTs" if patient == APART else "imagesTr"), volume_of(patient).slices
        for number, expected in enumerate((own, own[:, ::-1])):
            image = nibabel.load(place / f"{case_of(patient)}_{number:04d}.nii.gz")
            assert np.array_equal(np.asanyarray(image.dataobj).transpose(2, 1, 0), expected)
    for fold in range(len(ROLES)):
        names = {path.name for path in folder.tested(fold).iterdir()}
        assert {name.replace("_0001.", "_0000.") for name in names if "_0001." in name} == {
            name for name in names if "_0000." in name
        }


def test_a_patient_without_geometry_gets_the_spacing_that_is_stated(folder: DatasetFolder) -> None:
    image = nibabel.load(folder.raw / "imagesTr/P1_5fseg_0000.nii.gz")
    assert image.header.get_zooms() == (2.0, 1.5, 6.0)  # x is the column, z the slice
    assert "".join(nibabel.aff2axcodes(image.affine)) == "LPS"


def test_an_export_that_is_moved_keeps_its_test_images(folder: DatasetFolder, tmp_path: Path) -> None:
    folder.root.rename(tmp_path / "moved")
    images = sorted((tmp_path / "moved/test").rglob("*.nii.gz"))
    assert len(images) == 5
    assert all(nibabel.load(image).ndim == 3 for image in images)


def test_folds_that_are_not_numbered_from_0_are_refused() -> None:
    split = pd.DataFrame({"fold": [1], "patient_id": [AXIAL], "site": ["S"], "role": ["train"]})
    with pytest.raises(BadInputError, match=r"folds \[1\], expected 0 to 0"):
        fold_lists(split)


def test_those_without_expression_are_tested_in_their_fold(tmp_path: Path) -> None:
    split = read_split(write_results(tmp_path) / "tables/split.parquet")
    assert patients_to_predict(split, 0) == sorted([FLAT, SAGITTAL, APART])
    assert patients_to_predict(split, 1) == sorted([AXIAL, DOTTED])
