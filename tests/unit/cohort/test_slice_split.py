import numpy as np

from mgi.cohort.split import slice_roles


def test_every_slice_is_tested_in_one_of_five_folds() -> None:
    tested = np.stack([slice_roles("TCGA-CS-0001", 23, fold) == "test" for fold in range(5)])
    assert tested.sum(0).tolist() == [1] * 23
    assert sorted(tested.sum(1)) == [4, 4, 5, 5, 5]


def test_a_patient_has_slices_in_all_three_roles_about_as_papers_have_it() -> None:
    roles = slice_roles("TCGA-CS-0001", 100, 0)
    assert {role: int((roles == role).sum()) for role in ("train", "validation", "test")} == {
        "train": 64, "validation": 16, "test": 20,
    }  # fmt: skip


def test_roles_are_the_same_again_and_others_for_another_patient() -> None:
    first, again, other = (slice_roles(name, 40, 2).tolist() for name in ("A", "A", "B"))
    assert first == again != other
