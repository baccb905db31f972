from pathlib import Path

import numpy as np
import pydicom
import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.modalities.flair.new_series import read_dicom_input

PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8)
FLAIR_TIMES = {"RepetitionTime": 9000, "EchoTime": 120, "InversionTime": 2500}


@pytest.fixture
def put(mr_file, tmp_path: Path):
    """Write a series of four slices; return the names of all files so far."""

    def write(uid: str, **tags) -> list[str]:
        for number in range(1, 5):
            given = {"SeriesInstanceUID": uid, "StudyInstanceUID": "1.2", "PatientID": "P", **tags}
            given["SOPInstanceUID"] = f"{uid}.{number}"
            content = mr_file(PIXELS + number, position=(0, 0, 5.0 * number), instance=number, tags=given)
            (tmp_path / f"{uid}-{number}.dcm").write_bytes(content)
        return sorted(path.name for path in tmp_path.iterdir())

    return write


def test_the_only_series_is_taken_and_doubted_where_nothing_says_flair(put, tmp_path: Path) -> None:
    found = read_dicom_input(tmp_path, put("1.1", SeriesDescription="AX FLAIR"), None)
    assert (found.warning, found.notes) == (None, ())
    again = read_dicom_input(tmp_path, put("1.1", SeriesDescription="AX T2"), None)
    assert "its times do not say it either" in (again.warning or "")
    assert again.sha256 != found.sha256


def test_the_flair_is_found_by_name_and_the_others_are_told(put, tmp_path: Path) -> None:
    put("1.1", SeriesDescription="AX T1")
    found = read_dicom_input(tmp_path, put("1.2", SeriesDescription="AX FLAIR"), None)
    assert found.notes == ("took series 1.2 of 2: AX FLAIR",)


def test_the_flair_is_found_by_its_times_where_no_name_tells(put, tmp_path: Path) -> None:
    put("1.1", SeriesDescription="a", RepetitionTime=500, EchoTime=10)
    found = read_dicom_input(tmp_path, put("1.2", SeriesDescription="b", **FLAIR_TIMES), None)
    assert found.notes == ("took series 1.2 of 2: b",)
    assert found.warning is None


def test_a_flair_in_another_plane_is_one_and_says_that_it_is_not_axial(put, tmp_path: Path) -> None:
    names = put("1.1", SeriesDescription="3D", **FLAIR_TIMES)
    for number, name in enumerate(names):  # slices from right to left
        header = pydicom.dcmread(tmp_path / name)
        header.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        header.ImagePositionPatient = [2.0 * number, 0, 0]
        header.save_as(tmp_path / name)
    found = read_dicom_input(tmp_path, names, None)
    assert found.warning is None
    assert "slices are not axial" in (found.not_axial or "")
    axial = read_dicom_input(tmp_path, put("1.1", SeriesDescription="AX T1", EchoTime=10), None)
    assert (axial.warning, axial.not_axial) == ("echo time 10 ms is below 70 ms", None)


def test_several_series_without_a_flair_must_be_named(put, tmp_path: Path) -> None:
    put("1.1", SeriesDescription="one")
    names = put("1.2")
    with pytest.raises(BadInputError, match=r"name one with --series: 1\.1 \(one\), 1\.2 \(without a name\)"):
        read_dicom_input(tmp_path, names, None)
    assert read_dicom_input(tmp_path, names, "1.1").notes == ("took series 1.1 of 2: one",)


def test_a_series_that_is_not_there_and_two_patients_are_refused(put, tmp_path: Path) -> None:
    names = put("1.1", SeriesDescription="one")
    with pytest.raises(ConfigError, match=r"--series: 9\.9: not in"):
        read_dicom_input(tmp_path, names, "9.9")
    with pytest.raises(ConfigError, match="images of 2 patients"):
        read_dicom_input(tmp_path, put("1.2", PatientID="Q"), None)


def test_a_folder_without_mr_images_is_refused(put, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no MR series among 4 files"):
        read_dicom_input(tmp_path, put("1.1", Modality="CT"), None)


def test_a_slice_of_another_patient_in_the_series_is_refused(put, tmp_path: Path) -> None:
    put("1.1", SeriesDescription="AX FLAIR", PatientID="p ")
    names = put("1.1", SeriesDescription="AX FLAIR")
    assert read_dicom_input(tmp_path, names, None).patient_id == "P"
    kept = (tmp_path / "1.1-4.dcm").read_bytes()
    put("1.1", SeriesDescription="AX FLAIR", PatientID="Q")
    (tmp_path / "1.1-4.dcm").write_bytes(kept)
    with pytest.raises(BadInputError, match=r"series 1\.1: patient_id: 1\.1-1\.dcm of 'Q' and 1\.1-4\.dcm of 'P'"):
        read_dicom_input(tmp_path, names, None)
