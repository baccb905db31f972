import dataclasses
import json

import nibabel
import numpy as np
import pytest

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import sha256_of, write_json
from mgi.locks.lock import as_json, read_lock
from mgi.modalities.flair.sources import nifti
from mgi.modalities.flair.sources.nifti import NiftiImages

CASE = "TCGA-CS-4942"
VOXEL_FAULT = nifti.voxel_fault
PARENT = "Pre-operative_TCGA_LGG_NIfTI_and_Segmentations"


def count_slices(path):
    content = path.read_bytes()
    if content.startswith(b"broken"):
        raise BadInputError(f"{path.name}: affine is not finite")
    return 155


def write(folder, *names, content=None):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if content is not None else name.encode())
    return folder


@pytest.fixture(autouse=True)
def headers_by_content(monkeypatch):
    monkeypatch.setattr(nifti, "count_slices", count_slices)
    monkeypatch.setattr(nifti, "voxel_fault", lambda _: None)


def source_at(folder):
    return NiftiImages(folder=folder)


def files_of(case, day, *kinds, ending=".nii.gz"):
    return [f"{case}_{day}_{kind}{ending}" for kind in kinds]


def verdicts(folder):
    source = source_at(folder)
    return {item.key: (item.role, item.chosen, item.reason) for item in source.lock(source.discover()).items}


@pytest.mark.parametrize("layout", ["{}", CASE + "/{}", f"{PARENT}/{CASE}/{{}}"])
def test_flair_and_corrected_mask_are_chosen_in_every_layout(tmp_path, layout):
    names = files_of(CASE, "1997.02.22", "flair", "t1", "t1Gd", "t2", "GlistrBoost", "GlistrBoost_ManuallyCorrected")
    write(tmp_path, *(layout.format(name) for name in names))
    found = {key.rpartition("/")[2][24:-7]: value for key, value in verdicts(tmp_path).items()}
    assert found == {
        "flair": ("flair", True, "FLAIR by name"),
        "t1": ("other", False, "not a FLAIR (t1)"),
        "t1Gd": ("other", False, "not a FLAIR (t1Gd)"),
        "t2": ("other", False, "not a FLAIR (t2)"),
        "GlistrBoost": ("mask", False, "GlistrBoost_ManuallyCorrected preferred"),
        "GlistrBoost_ManuallyCorrected": (
            "mask",
            True,
            "mask of the day of the FLAIR (GlistrBoost_ManuallyCorrected)",
        ),
    }


def test_the_algorithms_mask_serves_where_none_was_corrected_and_none_is_needed(tmp_path):
    write(tmp_path, *files_of(CASE, "1997.02.22", "flair", "GlistrBoost", ending=".nii"))
    write(tmp_path, *files_of("TCGA-DU-5851", "1995.04.28", "flair"))
    source = source_at(tmp_path)
    lock = source.lock(source.discover())
    assert [(item.patient_id, item.role) for item in lock.items if item.chosen] == [
        (CASE, "mask"),
        (CASE, "flair"),
        ("TCGA-DU-5851", "flair"),
    ]
    assert source.probe() == f"2 patients with FLAIR, 1 of them with a mask, in {tmp_path.name}; no account needed"


def test_of_several_days_the_earliest_with_a_mask_is_used(tmp_path):
    write(tmp_path, *files_of(CASE, "1996.01.01", "flair"))
    write(tmp_path, *files_of(CASE, "1998.01.01", "flair", "GlistrBoost"))
    write(tmp_path, *files_of(CASE, "1997.01.01", "flair", "GlistrBoost"))
    chosen = [key for key, (_, is_chosen, _) in verdicts(tmp_path).items() if is_chosen]
    assert {key[13:23] for key in chosen} == {"1997.01.01"}
    assert verdicts(tmp_path)[f"{CASE}_1996.01.01_flair.nii.gz"][2] == "other study preferred: 1997-01-01"


def test_a_second_copy_is_named_and_a_mask_without_flair_is_not_used(tmp_path):
    write(tmp_path, f"{CASE}_1997.02.22_flair.nii.gz", f"{CASE}/{CASE}_1997.02.22_flair.nii.gz")
    write(tmp_path, *files_of("TCGA-DU-5851", "1995.04.28", "GlistrBoost"))
    found = verdicts(tmp_path)
    assert found[f"{CASE}/{CASE}_1997.02.22_flair.nii.gz"][2] == f"{CASE}_1997.02.22_flair.nii.gz preferred"
    assert found["TCGA-DU-5851_1995.04.28_GlistrBoost.nii.gz"] == ("mask", False, "no FLAIR of this patient")


def test_two_files_of_one_name_and_height_are_a_tie_unless_they_are_copies(tmp_path):
    (flair,) = files_of(CASE, "1997.02.22", "flair")
    one, other = f"a/{flair}", f"b/{flair}"
    write(tmp_path, one, content=b"x")
    write(tmp_path, other, content=b"y")
    write(tmp_path, *files_of("TCGA-DU-5851", "1995.04.28", "flair"))
    found = verdicts(tmp_path)
    assert (found[one][1:], found[other][1:]) == ((False, f"tie with {other}"), (False, f"tie with {one}"))
    write(tmp_path, other, content=b"x")
    assert (verdicts(tmp_path)[one][1], verdicts(tmp_path)[other][2]) == (True, f"{one} preferred")


def test_files_of_no_layout_are_counted_and_hidden_ones_passed_over(tmp_path):
    write(
        tmp_path, *files_of(CASE, "1997.02.22", "flair"), "readme.txt", "TCGA-x_flair.nii.gz", ".DS_Store", ".git/a.nii"
    )
    (note,) = source_at(tmp_path).discover().notes
    assert note == "2 files are not of the layout: TCGA-x_flair.nii.gz, readme.txt"


def test_a_file_is_read_in_place_and_pinned_by_its_digest(tmp_path):
    (name,) = files_of(CASE, "1997.02.22", "flair")
    source = source_at(write(tmp_path / "mine", f"{CASE}/{name}"))
    lock = source.lock(source.discover())
    source.check_lock(lock)
    item = lock.items[0]
    assert source.verify(item, tmp_path / "raw") is None
    entry = source.fetch(item, tmp_path / "raw")
    sha256 = sha256_of(tmp_path / "mine" / CASE / name)
    assert (entry.path, entry.sha256, entry.metadata["n_images"], entry.rejected) == (None, sha256, 155, None)
    assert json.loads(json.dumps(entry.as_json(tmp_path)))["members"] == [[f"{CASE}/{name}", sha256]]
    assert item.digest == sha256
    assert not (tmp_path / "raw").exists()
    write(tmp_path / "mine", f"{CASE}/{name}", content=b"other")
    with pytest.raises(IntegrityError, match=rf"{name}: 1 files with digest \w{{64}}; .*\w{{64}}"):
        source.fetch(item, tmp_path / "raw")
    (tmp_path / "mine" / CASE / name).unlink()
    with pytest.raises(BadInputError, match=f"{name}: No such file"):
        source.fetch(item, tmp_path / "raw")


def test_a_file_whose_header_cannot_be_used_is_not_chosen_and_nothing_takes_its_place(tmp_path):
    names = files_of(CASE, "1997.02.22", "flair", "GlistrBoost", "GlistrBoost_ManuallyCorrected")
    write(tmp_path, *names)
    write(tmp_path, names[2], content=b"broken")
    refused = f"header refused: {names[2]}: affine is not finite"
    assert verdicts(tmp_path) == {
        names[0]: ("flair", True, "FLAIR by name"),
        names[1]: ("mask", False, "GlistrBoost_ManuallyCorrected preferred"),
        names[2]: ("mask", False, refused),
    }
    write(tmp_path, names[0], content=b"broken")
    with pytest.raises(BadInputError, match=r"items: .* 3 .*chosen .*flair\.nii\.gz: affine "):
        verdicts(tmp_path)


def test_a_gate_that_became_stricter_since_the_lock_rejects_the_file(tmp_path, monkeypatch):
    (name,) = files_of(CASE, "1997.02.22", "flair")
    source = source_at(write(tmp_path, name))
    item = source.lock(source.discover()).items[0]

    def strict(path):
        raise BadInputError(f"{path.name}: too flat")

    monkeypatch.setattr(nifti, "count_slices", strict)
    entry = source.fetch(item, tmp_path)
    assert entry.rejected == f"header refused: {name}: too flat"


@pytest.mark.parametrize("folder", [None, "absent"])
def test_an_absent_folder_names_the_key_and_what_belongs_there(tmp_path, folder):
    source = source_at(None if folder is None else tmp_path / folder)
    with pytest.raises(ConfigError, match=r"modalities\.flair\.folder: .*BraTS-TCGA-LGG.*_flair\.nii\.gz"):
        source.probe()


def test_an_image_without_a_grey_scale_is_rejected_at_fetch(tmp_path, monkeypatch):
    monkeypatch.setattr(nifti, "voxel_fault", VOXEL_FAULT)
    striped = np.random.default_rng(0).integers(100, 900, (16, 16, 5)).astype(np.int16)
    striped[-3:] = 32767
    for name, voxels, found in (
        ("A_flair.nii", np.full((4, 4, 4), 7, np.int16), "A_flair.nii: voxels: every one is 7"),
        ("B_flair.nii", striped, "B_flair.nii: voxels: those above the mean are nearly of one level"),
        ("C_flair.nii", striped[:-3], None),
    ):
        nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 5.0, 1.0])).to_filename(tmp_path / name)
        source = source_at(tmp_path)
        (item,) = [item for item in source.lock(source.discover()).items if item.key == name]
        rejected = source.fetch(item, tmp_path / "raw").rejected
        assert rejected is None if found is None else rejected.startswith(found)


def test_a_folder_without_flair_is_refused(tmp_path):
    with pytest.raises(BadInputError, match=r"no FLAIR.*BraTS-TCGA-LGG"):
        source_at(tmp_path).probe()
    with pytest.raises(BadInputError, match=r"items: .* 0 .*chosen"):
        verdicts(tmp_path)


def test_a_lock_is_written_and_read_back_and_cannot_name_a_file_outside(tmp_path):
    (name,) = files_of(CASE, "1997.02.22", "flair")
    source = source_at(write(tmp_path / "mine", name))
    lock = source.lock(source.discover())
    path = tmp_path / "lock.json"
    write_json(path, as_json(lock))
    assert read_lock(path, source="nifti", check_item=source.check_item) == lock
    for key in ("../x.nii", "/etc/x.nii", "a//b.nii", "a\nb.nii"):
        outside = dataclasses.replace(lock, items=(dataclasses.replace(lock.items[0], key=key),))
        write_json(path, as_json(outside))
        with pytest.raises(BadInputError, match=r"lock\.json: items: key '\S+\.nii'"):
            read_lock(path, source="nifti", check_item=source.check_item)
    unpinned = dataclasses.replace(lock, items=(dataclasses.replace(lock.items[0], digest=None),))
    write_json(path, as_json(unpinned))
    with pytest.raises(BadInputError, match=r"lock\.json: items: \S+: digest None, .*64"):
        read_lock(path, source="nifti", check_item=source.check_item)


@pytest.mark.parametrize("mask", ["mask", "seg"])
def test_a_folder_of_ones_own_ids_needs_no_day(tmp_path, mask):
    write(
        tmp_path, "P_1/P_1_flair.nii.gz", f"P_1/P_1_{mask}.nii.gz", f"P_2_2001.02.03_{mask}.nii.gz", "P_2_t1ce.nii.gz"
    )
    lock = source_at(tmp_path).lock(source_at(tmp_path).discover())
    assert {item.patient_id for item in lock.items} == {"P_1", "P_2"}
    assert [(item.key, item.role) for item in lock.chosen] == [
        ("P_1/P_1_flair.nii.gz", "flair"), (f"P_1/P_1_{mask}.nii.gz", "mask"),
    ]  # fmt: skip
    assert "study_date" not in lock.chosen[0].metadata
