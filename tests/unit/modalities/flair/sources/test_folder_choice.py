"""A folder of DICOM files: headers choose the series, and no patient's images lie under another's name."""

import hashlib

import numpy as np
import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, IntegrityError
from mgi.locks.lock import read_lock
from mgi.modalities.flair.new_series import read_dicom_input
from mgi.modalities.flair.sources.dicom_folder import DicomImages
from mgi.modalities.flair.sources.user_lists import PatientNames, read_commons_manifest

CS, DU = "TCGA-CS-4941", "TCGA-DU-5849"
PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8)
CORONAL = {"axes": (1, 0, 0, 0, 0, -1), "along": 1}


@pytest.fixture
def put(mr_file, tmp_path):
    """Write a series of a patient below a folder of the archive, and return that."""
    root = tmp_path / "mine"

    def write(number, description="AX FLAIR", n=16, patient=CS, below="", axes=(1, 0, 0, 0, 1, 0), along=2, **tags):
        uid = f"1.2.{number}"
        (root / below).mkdir(parents=True, exist_ok=True)
        for k in range(n):
            position = [0.0, 0.0, 0.0]
            position[along] = 5.0 * k
            own = {
                "SeriesInstanceUID": uid,
                "SOPInstanceUID": f"{uid}.{k}",
                "StudyInstanceUID": f"1.9.{int(patient[-4:])}",
            }
            own |= {"PatientID": patient, "StudyDate": "19960909", "SeriesDescription": description, **tags}
            content = mr_file(PIXELS + k, position=position, axes=axes, instance=k + 1, tags=own)
            (root / below / f"{number}-{k:02d}").write_bytes(content)
        return root

    return write


def judged(root, **changes):
    source = DicomImages(folder=root, **changes)
    return {item.key: item for item in source.lock(source.discover()).items}


def chosen(root, **changes):
    return [key for key, item in judged(root, **changes).items() if item.chosen]


@pytest.mark.parametrize(("axial", "coronal"), [("AXFLAIR", "CORFLAIR"), ("CORFLAIR", "AXFLAIR"), ("FLAIR", "FLAIR")])
def test_the_axial_series_is_told_by_its_headers_whatever_it_is_called(put, axial, coronal):
    put(1, axial)
    root = put(2, coronal, n=26, **CORONAL)
    assert chosen(root) == ["1.2.1"]
    assert judged(root)["1.2.2"].reason.startswith("slices are not axial")
    names = sorted(path.name for path in root.iterdir())
    assert len(read_dicom_input(root, names, None).volume.voxels) == 16


@pytest.mark.parametrize(
    ("image_type", "reason"),
    [
        (["DERIVED", "SECONDARY", "MPR"], "a reformat; 1.2.1 is preferred"),
        (["DERIVED", "PRIMARY", "M", "NORM"], "derived from other images; 1.2.1 is preferred"),
        (["DERIVED", "SECONDARY", "SUBTRACTION"], "computed from other images"),
        (["ORIGINAL", "PRIMARY", "P"], "phase images, not magnitude"),
    ],
)
def test_the_original_is_taken_though_another_has_more_images(put, image_type, reason):
    put(1, ImageType=["ORIGINAL", "PRIMARY", "M"])
    root = put(2, n=40, ImageType=image_type)
    assert chosen(root) == ["1.2.1"]
    assert judged(root)["1.2.2"].reason.endswith(reason)


def test_a_few_localisers_do_not_speak_for_their_series(put):
    root = put(1, n=19)
    put(1, n=3, **CORONAL)  # in the place of the first three
    assert chosen(root) == ["1.2.1"]
    assert judged(root)["1.2.1"].reason == "best FLAIR of its study"


def test_an_equal_claim_is_refused_with_both_named(put):
    put(1, patient=DU)
    put(2)
    root = put(3)
    assert chosen(root) == ["1.2.1"]
    assert (judged(root)["1.2.2"].reason, judged(root)["1.2.3"].reason) == ("tie with 1.2.3", "tie with 1.2.2")


def test_the_next_best_serves_where_the_chosen_one_makes_no_volume(put, tmp_path, capsys):
    put(1, "AX FLAIR", n=40, along=0)  # all at one place
    root = put(2, "FLAIR")
    settings = f'{{"source": "dicom", "folder": "{root}"}}'
    lock, index = tmp_path / "lock.json", tmp_path / "raw/b.json"
    assert main(["lock", "--modality=flair", f"--settings={settings}", f"--output={lock}"]) == 0
    found = {item.key: (item.chosen, item.runner_up) for item in read_lock(lock).items}
    assert found == {"1.2.1": (True, None), "1.2.2": (False, 1)}
    fetch = ["fetch", "--modality=flair", f"--settings={settings}", f"--lock={lock}", "--batch=1-of-1"]
    assert main([*fetch, f"--output={index}"]) == 0
    assert f"{CS}: 1.2.2 serves in the place of 1.2.1: " in capsys.readouterr().out
    assert (
        main(
            [
                "cohort",
                f"--lock={lock}",
                f"--index={index}",
                f"--output={tmp_path}/c.parquet",
                f"--tsv={tmp_path}/c.tsv",
            ]
        )
        == 5
    )
    assert "1.2.2 serves in the place of 1.2.1" in (tmp_path / "c_nobody_kept.tsv").read_text()


@pytest.mark.parametrize("below", [DU, f"x/{DU.lower()}_01/y", DU.replace("-", "_")])
def test_images_below_another_patient_s_name_are_refused_with_both_named(put, below):
    root = put(1, below=below)
    with pytest.raises(BadInputError, match=rf"mine/{below}/1-00: PatientID '{CS}' below '[^']+'"):
        judged(root)


def test_ids_of_ones_own_are_compared_with_folders_that_are_called_like_a_patient(put):
    root = put(1, patient="SITE7-0001", below="SITE7-0001")
    put(2, patient="SITE7-0002", below="site7_0002/FLAIR")
    assert chosen(root) == ["1.2.1", "1.2.2"]
    put(3, patient="SITE7-0002", below="SITE7-0001")
    with pytest.raises(BadInputError, match=r"PatientID 'SITE7-0002' below 'SITE7-0001'"):
        judged(root)
    same = {"SITE7-0001": "P1", "SITE7-0002": "P1"}
    listed = DicomImages(folder=root, patients=PatientNames(table=same)).discover().rows
    assert {row["item"].patient_id for row in listed} == {"P1"}


def test_a_study_of_two_patients_is_refused_with_both_named(put):
    put(1)
    root = put(2, "Segmentation", patient=DU, StudyInstanceUID="1.9.4941")
    with pytest.raises(BadInputError, match=rf"1\.9\.4941: series 1\.2\.1 is of {CS}, 1\.2\.2 of {DU}"):
        judged(root)
    names = PatientNames(table={DU: CS})
    assert chosen(root, patients=names) == ["1.2.1"]


def test_spellings_of_one_id_are_one_series(put):
    root = put(1)
    put(1, n=8, patient=CS.lower())
    assert chosen(root) == ["1.2.1"]


def test_a_lock_of_another_patient_is_not_followed(put, tmp_path):
    source = DicomImages(folder=put(1))
    (item,) = source.lock(source.discover()).items
    with pytest.raises(IntegrityError, match=rf"series 1\.2\.1: PatientID '{CS}', expected {DU}"):
        source.fetch(type(item)(**{**vars(item), "patient_id": DU}), tmp_path)


def test_a_manifest_s_patient_is_that_of_the_series(put, tmp_path):
    root = put(1)
    path = tmp_path / "manifest.csv"
    digest = hashlib.md5((root / "1-00").read_bytes()).hexdigest()

    def of(patient):
        path.write_text(f"File ID,md5,Patient ID,Series Instance UID\na,{digest},{patient},1.2.1\n")
        return DicomImages(folder=root, commons=read_commons_manifest(path)).discover()

    assert len(of("tcga_cs_4941").rows) == 1
    with pytest.raises(IntegrityError, match=rf"manifest: series 1\.2\.1: PatientID '{DU}', expected {CS}"):
        of(DU)


def test_two_label_files_of_one_claim_are_refused_and_copies_count_once(put, monkeypatch):
    monkeypatch.setattr("mgi.modalities.flair.sources.nifti.count_slices", lambda path: 16)
    root = put(1)
    for name in ("a", "b"):
        (root / name).mkdir()
        (root / name / "1.2.1.nii.gz").write_bytes(name.encode())
    assert chosen(root) == ["1.2.1"]
    assert judged(root)["b/1.2.1.nii.gz"].reason == "tie with a/1.2.1.nii.gz"
    (root / "b/1.2.1.nii.gz").write_bytes(b"a")
    assert chosen(root) == ["1.2.1", "a/1.2.1.nii.gz"]


def test_a_folder_in_which_nothing_is_dicom_says_what_lies_there(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("x")
    settings = f'{{"source": "dicom", "folder": "{tmp_path}/mine"}}'
    assert main(["lock", "--modality=flair", f"--settings={settings}", f"--output={tmp_path}/l.json"]) == 5
    said = capsys.readouterr().err
    assert "dicom lists nothing for flair" in said
    assert "1 files are neither DICOM images nor labels of a patient here: notes.txt" in said
