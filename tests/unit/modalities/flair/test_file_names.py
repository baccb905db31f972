"""Names of NIfTI files as data sets give them."""

import pytest

from mgi.modalities.flair.file_names import flair_files, flair_of_each, is_nifti_name, patient_named_by

BRATS_2020 = [f"BraTS20_Training_001_{kind}.nii.gz" for kind in ("flair", "seg", "t1", "t1ce", "t2")]
BRATS_2023 = [f"BraTS-GLI-00000-000-{kind}.nii.gz" for kind in ("seg", "t1c", "t1n", "t2f", "t2w")]


@pytest.mark.parametrize(
    ("names", "flair", "patient"),
    [
        (BRATS_2020, "BraTS20_Training_001_flair.nii.gz", "BraTS20_Training_001"),
        (BRATS_2023, "BraTS-GLI-00000-000-t2f.nii.gz", "BraTS-GLI-00000-000"),
        (["UCSF-PDGM-0004_FLAIR.nii.gz", "UCSF-PDGM-0004_T2.nii.gz"], "UCSF-PDGM-0004_FLAIR.nii.gz", "UCSF-PDGM-0004"),
        (["P1/scan.NII", "P1/scan_mask.nii", "P1/notes.txt"], "P1/scan.NII", "scan"),
    ],
)
def test_the_flair_of_each_data_set_is_found_and_names_its_patient(names, flair, patient) -> None:
    assert flair_files(names) == [flair]
    assert patient_named_by(flair) == patient


def test_without_a_flair_neither_masks_nor_other_sequences_pass_for_one() -> None:
    assert flair_files(["a_t1.nii", "a-seg.nii.gz", "a_t2w.nii.gz", "a.json"]) == []
    assert flair_files(["b.nii", "a.nii.gz"]) == ["b.nii", "a.nii.gz"]


def test_of_several_patients_each_has_one_file_and_none_is_lost_beside_those_called_flair() -> None:
    others = ["P1.nii", "UCSF-4_FLAIR.nii", "UCSF-4_FLAIR_bias.nii", "UCSF-4_brain.nii"]
    found = flair_of_each([*BRATS_2020, *BRATS_2023, *others])
    assert found == [BRATS_2020[0], BRATS_2023[3], "P1.nii", "UCSF-4_FLAIR.nii"]


@pytest.mark.parametrize(
    ("name", "is_one"), [("a.nii", True), ("a.NII.GZ", True), ("a.nii.txt", False), ("nii", False)]
)
def test_a_nifti_name_ends_as_such(name: str, is_one: bool) -> None:
    assert is_nifti_name(name) == is_one
