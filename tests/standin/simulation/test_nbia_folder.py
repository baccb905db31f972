import hashlib
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mgi_standin.simulation.cohort import simulate_cohort


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
