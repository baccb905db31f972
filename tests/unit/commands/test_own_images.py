"""Images in a folder of the user's: lock, fetch and preflight from end to end."""

import gzip
import hashlib
import json
import zipfile

import nibabel
import numpy as np
import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from resealed import reseal

AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
CASE = "TCGA-CS-4942"
FLAIR, MASK = (f"{CASE}/{CASE}_1997.02.22_{kind}.nii.gz" for kind in ("flair", "GlistrBoost_ManuallyCorrected"))


def lock(settings, target):
    return main(["lock", "--modality", "flair", "--settings", json.dumps(settings), "--output", str(target)])


def fetch(settings, lock_path, target):
    options = ["--lock", str(lock_path), "--batch", "1-of-1", "--output", str(target)]
    return main(["fetch", "--modality", "flair", "--settings", json.dumps(settings), *options])


def preflight(settings, target, archive):
    options = ["--archive", str(archive), "--output", str(target)]
    return main(["preflight", "--modalities", json.dumps({"rna": {"retry_base_s": 0}, "flair": settings}), *options])


@pytest.fixture
def brats(tmp_path):
    root = tmp_path / "brats"
    for name in (FLAIR, MASK):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), AFFINE), root / name)
    return root


@pytest.fixture
def dicom(tmp_path, mr_file, seg_file):
    """Two patients with a FLAIR of 8 slices and a T1 FLAIR; the first has a segmentation too."""
    root = tmp_path / "dicom"
    root.mkdir()
    for patient, series in (("TCGA-CS-4941", 1), ("TCGA-DU-5849", 2)):
        study = {"PatientID": patient, "StudyInstanceUID": f"1.5.{series}", "StudyDate": "19960909"}
        for number, name in ((1, "AXIAL FLAIR"), (2, "SAG T1 FLAIR")):
            uid = f"1.4.{series}.{number}"
            for k in range(8):
                tags = {"SeriesInstanceUID": uid, "SOPInstanceUID": f"{uid}.{k}", "SeriesDescription": name, **study}
                content = mr_file(np.full((4, 4), k, np.uint16), position=(0, 0, 5.0 * k), tags=tags)
                (root / f"{series}{number}{k}").write_bytes(content)
    tags = {"PatientID": "TCGA-CS-4941", "StudyInstanceUID": "1.5.1", "SeriesDescription": "Segmentation"}
    (root / "seg").write_bytes(seg_file(np.zeros((1, 4, 4), np.uint8), [(0, 0, 0)], references=["1.4.1.1"], tags=tags))
    return root


def test_a_brats_folder_is_locked_and_indexed_in_place(brats, tmp_path, simulated_archive, capsys):
    settings = {"source": "nifti", "folder": str(brats)}
    assert preflight(settings, tmp_path / "p.json", simulated_archive) == 0
    assert "flair from nifti: ready: 1 patients with FLAIR, 1 of them with a mask" in capsys.readouterr().out
    assert lock(settings, tmp_path / "a.json") == lock(settings, tmp_path / "b.json") == 0
    text = (tmp_path / "a.json").read_text()
    assert text == (tmp_path / "b.json").read_text()
    assert fetch(settings, tmp_path / "a.json", tmp_path / "raw" / "batch.json") == 0
    index = (tmp_path / "raw" / "batch.json").read_text()
    assert str(tmp_path) not in text + index
    items = {item["key"]: item for item in json.loads(index)["items"]}
    assert {key: (item["role"], item["path"], item["metadata"]["n_images"]) for key, item in items.items()} == {
        FLAIR: ("flair", None, 6),
        MASK: ("mask", None, 6),
    }
    sha256 = hashlib.sha256((brats / FLAIR).read_bytes()).hexdigest()
    assert items[FLAIR]["members"] == [[FLAIR, sha256]]
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == ["batch.json"]


def test_the_folder_may_be_given_on_the_command_line(brats, tmp_path):
    options = ["--settings", '{"source": "nifti", "folder": "elsewhere"}', "--table", str(brats)]
    assert main(["lock", "--modality", "flair", *options, "--output", str(tmp_path / "a.json")]) == 0


def test_a_mask_whose_header_places_nothing_is_named_and_not_used(brats, tmp_path, capsys):
    image = nibabel.load(brats / MASK)
    image.header["srow_x"], image.header["vox_offset"] = np.nan, 352
    (brats / MASK).write_bytes(gzip.compress(image.header.binaryblock + bytes(300)))
    settings = {"source": "nifti", "folder": str(brats)}
    assert lock(settings, tmp_path / "a.json") == 0
    assert f"1 patients with FLAIR have no mask: {CASE}" in capsys.readouterr().out
    reasons = {item["key"]: item["reason"] for item in json.loads((tmp_path / "a.json").read_text())["items"]}
    assert "sform has no inverse" in reasons[MASK]
    assert reasons[FLAIR] == "FLAIR by name"


def test_a_dicom_folder_is_locked_by_name_and_study_and_indexed_in_place(dicom, tmp_path, simulated_archive, capsys):
    settings = {"source": "dicom", "folder": str(dicom), "min_images": 8}
    assert preflight(settings, tmp_path / "p.json", simulated_archive) == 0
    assert "flair from dicom: ready: 2 patients, 5 series in dicom" in capsys.readouterr().out
    assert lock(settings, tmp_path / "a.json") == 0
    assert "1 patients with FLAIR have no mask: TCGA-DU-5849" in capsys.readouterr().out
    items = json.loads((tmp_path / "a.json").read_text())["items"]
    assert [item["key"] for item in items if item["chosen"]] == ["1.2.3.9", "1.4.1.1", "1.4.2.1"]
    assert {item["reason"] for item in items if "T1" in item["metadata"]["description"]} == {"a T1 FLAIR"}
    assert fetch(settings, tmp_path / "a.json", tmp_path / "raw" / "batch.json") == 0
    index = json.loads((tmp_path / "raw" / "batch.json").read_text())["items"]
    assert [(item["key"], item["role"], item["path"], len(item["members"])) for item in index] == [
        ("1.2.3.9", "mask", None, 1),
        ("1.4.1.1", "flair", None, 8),
        ("1.4.2.1", "flair", None, 8),
    ]
    assert index[1]["members"][0] == ["110", hashlib.sha256((dicom / "110").read_bytes()).hexdigest()]
    (dicom / "110").write_bytes((dicom / "120").read_bytes())
    assert fetch(settings, tmp_path / "a.json", tmp_path / "again.json") == IntegrityError.exit_code
    assert "1.4.1.1" in capsys.readouterr().err
    assert not (tmp_path / "again.json").exists()


def test_a_general_commons_manifest_must_be_fulfilled(dicom, tmp_path, simulated_archive, capsys):
    manifest = tmp_path / "GC_manifest.CSV"
    manifest.write_text("file_id,TCIA Series Instance UID\na,1.4.1.1\nb,1.4.9.1\n")
    settings = {"source": "dicom", "folder": str(dicom), "min_images": 8, "manifest": str(manifest)}
    assert preflight(settings, tmp_path / "p.json", simulated_archive) == IntegrityError.exit_code
    assert "flair from dicom: unusable: modalities.flair.manifest: 1 listed series are not" in capsys.readouterr().out
    manifest.write_text("file_id,TCIA Series Instance UID\na,1.4.1.1\n")
    assert lock(settings, tmp_path / "a.json") == 0
    listed = tmp_path / "my.tcia"
    listed.write_text("ListOfSeriesToDownload=\n1.4.2.1\n")
    assert lock(settings | {"manifest": str(listed)}, tmp_path / "b.json") == 0
    assert [item["key"] for item in json.loads((tmp_path / "b.json").read_text())["items"]] == ["1.4.2.1"]


@pytest.mark.parametrize("source", ["nifti", "dicom"])
def test_an_absent_folder_stops_the_preflight_with_what_to_do(tmp_path, simulated_archive, capsys, source):
    assert preflight({"source": source}, tmp_path / "p.json", simulated_archive) == ConfigError.exit_code
    printed = capsys.readouterr()
    assert f"flair from {source}: missing: modalities.flair.folder: found nothing, expected " in printed.out
    assert len(printed.err.splitlines()) == 1
    assert not (tmp_path / "p.json").exists()


@pytest.mark.parametrize("key", ["manifest", "patients"])
def test_a_list_that_a_source_does_not_read_is_refused(tmp_path, capsys, key):
    assert lock({"source": "nifti", key: "x"}, tmp_path / "a.json") == ConfigError.exit_code
    assert f'modalities.flair.{key}: found "x", expected null' in capsys.readouterr().err


def test_a_zip_in_place_of_a_folder_and_a_folder_without_images_are_named(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    assert lock({"source": "dicom", "folder": str(tmp_path / "a.zip")}, tmp_path / "a.json") == ConfigError.exit_code
    (tmp_path / "empty").mkdir()
    code = lock({"source": "dicom", "folder": str(tmp_path / "empty")}, tmp_path / "a.json")
    assert code == BadInputError.exit_code
    assert "none of 0 " in capsys.readouterr().err


def test_published_volumes_pass_in_the_brats_layout(real_data, tmp_path):
    root, case = tmp_path / "brats", "TCGA-FG-6692"
    root.mkdir()
    for name, kind in (("flair_brats_space", "flair"), ("algorithm_segmentation", "GlistrBoost")):
        target = root / f"{case}_2002.06.06_{kind}.nii.gz"
        target.symlink_to(real_data / "nifti" / case / f"{name}.nii.gz")
    settings = {"source": "nifti", "folder": str(root)}
    assert lock(settings, tmp_path / "a.json") == 0
    assert fetch(settings, tmp_path / "a.json", tmp_path / "b.json") == 0
    items = json.loads((tmp_path / "b.json").read_text())["items"]
    assert [(item["role"], item["metadata"]["n_images"], "rejected" in item) for item in items] == [
        ("mask", 155, False),
        ("flair", 155, False),
    ]


def test_verify_reads_the_files_of_the_folder_again(brats, tmp_path, capsys):
    settings = {"source": "nifti", "folder": str(brats)}
    results = tmp_path / "results"
    assert lock(settings, results / "locks" / "flair.json") == 0
    assert fetch(settings, results / "locks" / "flair.json", results / "raw" / "flair" / "batch-1-of-1.json") == 0
    reseal(results / "config.json", {"modalities": {"flair": settings | {"archive": "mine.zip"}}})
    assert main(["verify", "--results", str(results)]) == 0
    assert "raw flair: 2 files: all right" in capsys.readouterr().out
    content = (brats / MASK).read_bytes()
    (brats / MASK).write_bytes(content[:-1] + b"\x01")
    assert main(["verify", "--results", str(results)]) == IntegrityError.exit_code
    assert MASK.rpartition("/")[2] in capsys.readouterr().err


def test_the_preflight_says_that_nobody_can_be_kept(brats, dicom, simulated_archive, tmp_path, capsys):
    (brats / MASK).unlink()
    (dicom / "seg").unlink()
    name = "kaggle_3m/TCGA_CS_4941_19960909/TCGA_CS_4941_19960909_1.tif"
    with zipfile.ZipFile(tmp_path / "k.zip", "w") as archive:
        archive.writestr(name, b"x")
    target = tmp_path / "p.json"
    for settings, said in (
        ({"source": "nifti", "folder": str(brats)}, "1 patients with FLAIR and none of them with a mask"),
        ({"source": "dicom", "folder": str(dicom), "min_images": 8}, "2 patients, 2 with a FLAIR that can be used"),
        ({"source": "kaggle", "archive": str(tmp_path / "k.zip")}, "none of 1 patient folders can be used"),
    ):
        assert preflight(settings, target, simulated_archive) == BadInputError.exit_code, settings
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
        assert "nobody can be kept" in line
        assert not target.exists()


def test_a_lock_of_which_nobody_can_be_kept_is_told_before_anything_is_fetched(
    brats, simulated_archive, tmp_path, capsys
):
    (brats / MASK).unlink()
    assert lock({"source": "nifti", "folder": str(brats)}, tmp_path / "l.json") == 0
    assert "no patient has flair with mask, so nobody can be kept" in capsys.readouterr().out
    settings = {"source": "nifti", "folder": str(brats), "lock": str(tmp_path / "l.json")}
    assert preflight(settings, tmp_path / "p.json", simulated_archive) == BadInputError.exit_code
    assert "no patient has flair with mask" in capsys.readouterr().err


def test_where_images_are_not_required_a_folder_without_masks_is_ready(brats, simulated_archive, tmp_path, capsys):
    (brats / MASK).unlink()
    sections = json.dumps({"rna": {"retry_base_s": 0}, "flair": {"source": "nifti", "folder": str(brats)}})
    options = ["--modalities", sections, "--archive", str(simulated_archive), "--output", str(tmp_path / "p.json")]
    assert main(["preflight", *options, "--require", "rna"]) == 0
    assert "flair from nifti: ready: " in capsys.readouterr().out
