"""Who is to be predicted, from tables and folders as users have them."""

from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.release.patient_list import patients_in_folder, patients_in_table
from mgi.release.request import PredictionRequest
from predicted_patients import OBLIQUE, save_nifti, volume


def written(folder: Path, text: str, name: str = "patients.tsv") -> Path:
    path = folder / name
    path.write_text(text.replace("|", "\t"))
    return path


def test_a_table_says_of_each_patient_what_differs_from_the_others(tmp_path: Path) -> None:
    text = "patient|image|sample|volume\nP1|a/flair.nii|S1|2\n\nP2|/b.nii||\n"
    common = PredictionRequest(expression=Path("rna.tsv"), volume=0, force=True)
    one, two = patients_in_table(written(tmp_path, text), common)
    assert one.request == PredictionRequest(
        image=tmp_path / "a/flair.nii", expression=Path("rna.tsv"), sample="S1", volume=2, force=True
    )
    assert two.request == PredictionRequest(image=Path("/b.nii"), expression=None, sample=None, volume=0, force=True)


def test_without_a_column_of_samples_the_patients_name_is_the_label_in_a_shared_table(tmp_path: Path) -> None:
    path = written(tmp_path, "Patient,expression\nP1,\nP2,own.tsv\n", "p.csv")
    one, two = patients_in_table(path, PredictionRequest(expression=Path("rna.tsv")))
    assert (one.request.expression, one.request.sample) == (Path("rna.tsv"), "P1")
    assert (two.request.expression, two.request.sample) == (tmp_path / "own.tsv", None)


def test_a_modality_is_the_patients_own_table_or_the_shared_one_that_need_not_have_everybody(tmp_path: Path) -> None:
    common = PredictionRequest(modalities={"cn": Path("all.tsv")})
    path = written(tmp_path, "patient|cn|mirna\nP1||m.tsv\nP2|own.tsv|\n")
    one, two = (listed.request for listed in patients_in_table(path, common, ["cn", "mirna"]))
    assert one.modalities == {"cn": Path("all.tsv"), "mirna": tmp_path / "m.tsv"}
    assert (one.own_samples, one.shared) == ({"cn": "P1", "mirna": None}, ("cn",))
    assert (two.modalities, two.own_samples, two.shared) == ({"cn": tmp_path / "own.tsv"}, {"cn": None}, ())


def test_a_sample_is_the_label_in_all_tables_and_an_empty_one_leaves_the_shared_ones_out(tmp_path: Path) -> None:
    common = PredictionRequest(modalities={"cn": Path("all.tsv")})
    path = written(tmp_path, "patient|sample|mirna\nP1|S1|m.tsv\nP2||m.tsv\n")
    one, two = (listed.request for listed in patients_in_table(path, common, ["cn", "mirna"]))
    assert one.own_samples == {"cn": "S1", "mirna": "S1"}
    assert (list(two.modalities), two.own_samples, two.shared) == (["mirna"], {"mirna": None}, ())


def test_a_column_of_a_modality_that_the_model_does_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"columns: found 'rppa', expected none but patient, .*, volume, cn$"):
        patients_in_table(written(tmp_path, "patient|rppa\nP1|a\n"), PredictionRequest(), ["cn"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image\na\n", "columns: found image, expected patient once"),
        ("patient|scan\nP1|a\n", "columns: found 'scan', expected none but patient, image"),
        ("patient|image\nP1\n", "line 2: 1 columns, expected 2"),
        ("patient\n", "no line below the header"),
        ("patient\nP1\n\nP1\n", "line 4: patient: found P1 a second time"),
        ("patient\n../x\n", "line 2: patient: found '../x', expected at most 64"),
        ("patient|volume\nP1|-1\n", "line 2: volume: found '-1', expected a number from 0"),
        ("patient|volume\nP1|²\n", "line 2: volume: found '²'"),
    ],
)
def test_a_table_that_is_wrong_is_refused_by_line_and_column(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        patients_in_table(written(tmp_path, text), PredictionRequest())
    assert said in str(caught.value)


@pytest.mark.parametrize(("name", "said"), [("p.xlsx", "ends in .tsv"), ("p.tsv", "missing, expected a table")])
def test_a_table_that_is_none_is_refused(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=said):
        patients_in_table(tmp_path / name, PredictionRequest())


def test_a_folder_has_a_patient_for_each_image_and_each_folder(tmp_path: Path) -> None:
    voxels, _ = volume()
    for name in ("P1_flair.nii.gz", "P1_t1.nii.gz", "P2-t2f.nii", "P3/x_flair.nii", "P3/x_seg.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save_nifti(tmp_path / name, voxels, OBLIQUE)
    for name in ("P4/a.nii", "P4/b.nii", "P5/a_t1.nii", "P6/readme.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(np.zeros(400, np.uint8).tobytes())
    found, left_out = patients_in_folder(tmp_path, PredictionRequest(expression=Path("rna.tsv")))
    assert left_out == ["P1_t1.nii.gz"]
    images = {one.patient: one.request.image for one in found if one.fault is None}
    assert images == {
        "P1": tmp_path / "P1_flair.nii.gz", "P2": tmp_path / "P2-t2f.nii", "P3": tmp_path / "P3/x_flair.nii",
    }  # fmt: skip
    assert {one.request.sample for one in found if one.fault is None} == {"P1", "P2", "P3"}
    faults = {one.patient: str(one.fault) for one in found if one.fault is not None}
    assert "2 NIfTI files may be the FLAIR (a.nii, b.nii), expected one" in faults["P4"]
    assert "no NIfTI file is called FLAIR, expected <patient>_flair.nii.gz" in faults["P5"]
    assert "no DICOM file and no TIFF or PNG slice in the folder" in faults["P6"]


def test_a_folder_without_patients_or_with_two_of_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no folder"):
        patients_in_folder(tmp_path / "nowhere", PredictionRequest())
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(BadInputError, match="no NIfTI file and no folder"):
        patients_in_folder(tmp_path, PredictionRequest())
    for name in ("P1_flair.nii", "P1-t2f.nii"):
        (tmp_path / name).write_text("")
    with pytest.raises(BadInputError, match="two images of P1"):
        patients_in_folder(tmp_path, PredictionRequest())
