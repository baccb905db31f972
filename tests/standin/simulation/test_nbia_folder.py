import hashlib
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mgi_standin.simulation.cohort import simulate_cohort

SERIES_KEYS = {
    "SeriesInstanceUID", "StudyInstanceUID", "Modality", "ProtocolName", "SeriesDate", "SeriesDescription",
    "BodyPartExamined", "SeriesNumber", "AnnotationsFlag", "Collection", "Site", "PatientID", "PatientSex",
    "PatientAge", "AdmittingDiagnosisDescription", "Manufacturer", "ManufacturerModelName", "SoftwareVersions",
    "ImageCount", "MaxSubmissionTimestamp", "LicenseName", "LicenseURI", "DataDescriptionURI", "FileSize",
    "ReleasedStatus", "DateReleased", "StudyDesc", "StudyDate", "ThirdPartyAnalysis", "Authorized",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows(archive: Path) -> list[dict]:
    return json.loads((archive / "nbia" / "series.json").read_text())


def instances(archive: Path, uid: str) -> list[dict]:
    return json.loads((archive / "nbia" / "instances" / f"{uid}.json").read_text())


def read_images(archive: Path, uid: str) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(archive / "nbia" / "images" / uid / row["file"]) for row in instances(archive, uid)]


def test_every_instance_is_there_with_its_identity_and_md5(archive, rows):
    for row in rows:
        folder = archive / "nbia" / "images" / row["SeriesInstanceUID"]
        listed = instances(archive, row["SeriesInstanceUID"])
        contents = [(folder / one["file"]).read_bytes() for one in listed]
        assert [hashlib.md5(content).hexdigest() for content in contents] == [one["md5"] for one in listed]
        assert sum(map(len, contents)) == row["FileSize"]
        assert len(listed) == row["ImageCount"] == len(list(folder.iterdir()))


def test_headers_agree_with_the_listing(archive, rows):
    for row in rows:
        image = read_images(archive, row["SeriesInstanceUID"])[0]
        assert image.SeriesInstanceUID == row["SeriesInstanceUID"]
        assert image.StudyInstanceUID == row["StudyInstanceUID"]
        assert image.PatientID == row["PatientID"]
        assert image.SeriesDescription == row["SeriesDescription"]
        assert image.StudyDate == row["StudyDate"].replace("-", "")
        assert image.Modality == row["Modality"]


def test_database_order_is_no_order_of_slices(archive, rows):
    sorted_series = 0
    for row in rows:
        heights = [float(image.get("SliceLocation", 0)) for image in read_images(archive, row["SeriesInstanceUID"])]
        sorted_series += row["Modality"] == "MR" and heights == sorted(heights)
    assert sorted_series < len(rows) / 10


def test_the_special_patients_exist(archive, rows, cohort_settings):
    modalities, descriptions, access = defaultdict(set), defaultdict(set), defaultdict(set)
    for row in rows:
        modalities[row["PatientID"]].add(row["Modality"])
        descriptions[row["PatientID"]].add(row["SeriesDescription"])
        access[row["PatientID"]].add(row["access"])
    hits = json.loads((archive / "gdc" / "files.json").read_text())
    sequenced = {hit["cases"][0]["submitter_id"] for hit in hits}
    everyone = {patient.patient_id for patient in simulate_cohort(cohort_settings)}
    assert len(everyone - modalities.keys()) == 1  # RNA only
    assert len(everyone - sequenced) == 3  # images only
    assert sum(found == {"MR"} for found in modalities.values()) == 2  # no FLAIR, or no mask
    only_t1 = [names for names in descriptions.values() if all("T1" in name for name in names)]
    assert len(only_t1) == 1
    assert sum(kinds == {"restricted"} for kinds in access.values()) == 1
    assert all(len(kinds) == 1 for kinds in access.values())


def test_segmentations_refer_to_a_series_of_their_study_and_some_not_to_the_flair(archive, rows):
    by_uid = {row["SeriesInstanceUID"]: row for row in rows}
    sources = []
    for row in rows:
        if row["Modality"] == "SEG":
            (image,) = read_images(archive, row["SeriesInstanceUID"])
            source = by_uid[image.ReferencedSeriesSequence[0].SeriesInstanceUID]
            assert source["StudyInstanceUID"] == row["StudyInstanceUID"]
            sources.append(source["SeriesDescription"])
    assert 1 <= sources.count("AX T1 FLAIR") <= len(sources) / 5
    assert all("T1" not in name for name in set(sources) - {"AX T1 FLAIR"})


def test_masks_on_the_flair_hold_the_patients_tumour_which_is_brighter_than_tissue(archive, rows, cohort_settings):
    patients = {patient.patient_id: patient for patient in simulate_cohort(cohort_settings)}
    for row in rows:
        if row["Modality"] != "SEG" or "T1" in row["SeriesDescription"]:
            continue
        patient = patients[row["PatientID"]]
        (image,) = read_images(archive, row["SeriesInstanceUID"])
        assert image.pixel_array.astype(bool).sum() == patient.mask.sum()
        assert patient.volume[patient.mask].mean() > np.median(patient.volume[patient.volume > 150])


@pytest.fixture(scope="module")
def listings(archive: Path) -> dict[str, list[dict]]:
    return {
        name: json.loads((archive / "nbia" / f"{name}.json").read_text()) for name in ("series", "studies", "patients")
    }


def test_series_rows_have_the_keys_of_the_service_and_an_access(listings):
    assert all(set(row) == SERIES_KEYS | {"access"} for row in listings["series"])


def test_dates_are_iso_and_of_the_nineties_and_after(listings):
    assert all("1994-01-01" <= row["StudyDate"] <= "2010-12-31" for row in listings["series"])
    assert all(row["StudyDate"] == row["SeriesDate"] for row in listings["series"])


def test_every_public_series_belongs_to_a_listed_study_of_a_listed_patient(listings):
    studies = {row["StudyInstanceUID"]: row for row in listings["studies"]}
    patients = {row["PatientId"] for row in listings["patients"]}
    for row in listings["series"]:
        assert (row["StudyInstanceUID"] in studies) == (row["access"] == "public")
        assert (row["PatientID"] in patients) == (row["access"] == "public")
    assert {study["PatientID"] for study in studies.values()} == patients


def test_a_study_counts_its_series(listings):
    for study in listings["studies"]:
        rows = [row for row in listings["series"] if row["StudyInstanceUID"] == study["StudyInstanceUID"]]
        assert len(rows) == study["SeriesCount"]


def test_some_values_are_null_and_no_name_is_that_of_a_person(listings):
    assert all(row["ProtocolName"] is None for row in listings["series"])
    assert all(row["PatientName"] == row["PatientId"] for row in listings["patients"])
