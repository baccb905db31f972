import json
from pathlib import Path

import pytest

SERIES_KEYS = {
    "SeriesInstanceUID", "StudyInstanceUID", "Modality", "ProtocolName", "SeriesDate", "SeriesDescription",
    "BodyPartExamined", "SeriesNumber", "AnnotationsFlag", "Collection", "Site", "PatientID", "PatientSex",
    "PatientAge", "AdmittingDiagnosisDescription", "Manufacturer", "ManufacturerModelName", "SoftwareVersions",
    "ImageCount", "MaxSubmissionTimestamp", "LicenseName", "LicenseURI", "DataDescriptionURI", "FileSize",
    "ReleasedStatus", "DateReleased", "StudyDesc", "StudyDate", "ThirdPartyAnalysis", "Authorized",
}  # fmt: skip


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
