import zipfile

import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.kaggle_tree import choose_folders, fault_of, patient_folders


def member(name, crc=1, size=10):
    info = zipfile.ZipInfo(name)
    info.CRC, info.file_size = crc, size
    return info


def volume(folder, n=12, root="kaggle_3m"):
    return [member(f"{root}/{folder}/{folder}_{k}{mask}.tif", crc=k) for k in range(1, n + 1) for mask in ("", "_mask")]


CS = "TCGA_CS_4941_19960909"


def test_the_doubled_tree_counts_once_and_slices_sort_by_number():
    members = volume(CS, root="lgg-mri-segmentation/kaggle_3m") + volume(CS) + [member("kaggle_3m/data.csv")]
    (folder,) = patient_folders(members, label="z")
    assert (folder.patient_id, folder.study_date, folder.name) == ("TCGA-CS-4941", "1996-09-09", CS)
    assert list(folder.images) == list(range(1, 13))
    assert folder.images[2].filename == f"kaggle_3m/{CS}/{CS}_2.tif"
    assert list(folder.masks.values())[-1].filename == f"kaggle_3m/{CS}/{CS}_12_mask.tif"
    assert folder.size == 240


def test_copies_that_differ_are_refused():
    other = member(f"lgg-mri-segmentation/kaggle_3m/{CS}/{CS}_1.tif", crc=99)
    with pytest.raises(BadInputError, match=r"z: kaggle_3m/\S+_1\.tif and lgg-mri-segmentation/kaggle_3m/\S+_1\.tif "):
        patient_folders([*volume(CS), other], label="z")


def test_a_zip_of_something_else_says_what_was_expected():
    with pytest.raises(BadInputError, match=r"z: .*kaggle_3m/\S+; .*mateuszbuda/lgg-mri-segmentation"):
        patient_folders([member("cats/1.jpg")], label="z")


@pytest.mark.parametrize("number", ["9999999999", "9" * 200, "10001"])
def test_a_number_in_a_name_is_bounded_and_nothing_is_counted_up_to_it(number):
    names = [f"kaggle_3m/{CS}/{CS}_{number}{mask}.tif" for mask in ("", "_mask")]
    (folder,) = patient_folders([member(name) for name in names], label="z")
    assert fault_of(folder) == f"slice number {number}, expected at most 10000"
    (folder,) = patient_folders([*volume(CS), *map(member, names)], label="z")
    assert fault_of(folder) == f"slice number {number}, expected at most 10000"


def without(*endings):
    kept = [info for info in volume(CS) if not info.filename.endswith(endings)]
    return patient_folders(kept, label="z")[0]


def test_every_slice_needs_a_mask_and_a_number():
    assert fault_of(without()) is None
    assert fault_of(without("_mask.tif")) == "no mask"
    assert fault_of(without("_3_mask.tif", "_12_mask.tif")) == "no mask for slice 3 (2 of 12 slices)"
    assert fault_of(without("_4.tif")) == "no image for mask 4"
    assert fault_of(without("_5.tif", "_5_mask.tif")) == "slice 5 of 12 missing"
    assert fault_of(without(*(f"_{n}.tif" for n in range(13)))) == "no image"


def test_the_earliest_whole_volume_of_a_patient_is_used():
    early, middle, late = "TCGA_DU_6407_19900101", "TCGA_DU_6407_19920101", "TCGA_DU_6407_19940101"
    maskless = [info for info in volume(early) if "_mask" not in info.filename]
    found = choose_folders(patient_folders([*volume(late), *maskless, *volume(middle)], label="z"))
    assert found == {
        early: (False, "no mask"),
        middle: (True, "slices with masks"),
        late: (False, "other study preferred: 1992-01-01"),
    }


def test_folders_of_ones_own_ids_are_patients_and_what_is_nearly_published_is_not():
    own = [*volume("P_1.b", 3, root="mine"), *volume("P2", 2, root="mine/b"), *volume("TCGA_CS_4941", 1)]
    folders = patient_folders(own, label="z")
    assert [(one.patient_id, one.study_date, len(one.images)) for one in folders] == [
        ("P2", None, 2),
        ("P_1.b", None, 3),
    ]
    assert all(chosen for chosen, _ in choose_folders(folders).values())


def test_two_whole_volumes_of_one_day_are_a_tie():
    other = CS.replace("CS", "cs")
    found = choose_folders(patient_folders([*volume(CS), *volume(other)], label="z"))
    assert found == {CS: (False, f"tie with {other}"), other: (False, f"tie with {CS}")}


def test_an_image_of_another_name_in_a_folder_is_told():
    folders = patient_folders([*volume(CS), member(f"kaggle_3m/{CS}/{CS}_13.tiff")], label="z")
    assert choose_folders(folders)[CS][1].startswith(f"kaggle_3m/{CS}/{CS}_13.tiff: an image whose name")


def test_a_slice_numbered_0_counts_as_any_other():
    zero = [member(f"kaggle_3m/{CS}/{CS}_0{mask}.tif") for mask in ("", "_mask")]
    (folder,) = patient_folders([*volume(CS), *zero], label="z")
    assert (fault_of(folder), list(folder.images)[:2], len(folder.images)) == (None, [0, 1], 13)
    (folder,) = patient_folders([*volume(CS), zero[0]], label="z")
    assert fault_of(folder) == "no mask for slice 0 (1 of 13 slices)"
    (folder,) = patient_folders([*zero, *volume(CS)[4:]], label="z")
    assert fault_of(folder) == "slice 1 of 12 missing"
