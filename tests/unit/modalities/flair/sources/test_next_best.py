"""From an NBIA service: whose images they are, and what serves where the chosen series proves to be no axial FLAIR."""

import json
from functools import partial
from pathlib import Path

import pytest

from mgi.core.errors import IntegrityError
from mgi.locks.batch import fetch_batch
from mgi.locks.runners_up import fetch_until_settled
from mgi.modalities.flair.modality import fits
from mgi.modalities.flair.sources.tcia import TciaImages
from mgi.modalities.flair.sources.user_lists import PatientNames

PATIENT, OTHER = "TCGA-CS-4941", "TCGA-DU-5849"
N = 3


@pytest.fixture
def archive(stub, reply, service_at, dicom_slice, zip_of):
    """Serve series of one patient by (number, description, elements) and return their source."""

    def serve(*listed, patients=None):
        rows, sops, zips = [], [], []
        for number, description, changes in listed:
            uid = f"1.2.{number}"
            given = {"SeriesInstanceUID": uid, "StudyInstanceUID": "1.9", "PatientID": PATIENT, **changes}
            uids = [f"{uid}.{k}" for k in range(N)]
            sops.append(reply(body=json.dumps([{"SOPInstanceUID": one} for one in uids]).encode()))
            content = zip_of({f"{k}.dcm": dicom_slice(one, **given) for k, one in enumerate(uids)})
            zips.append(reply(body=content, chunked=True))
            rows.append(
                {"SeriesInstanceUID": uid, "StudyInstanceUID": "1.9", "PatientID": PATIENT, "ImageCount": N,
                 "FileSize": 900, "Modality": "MR", "StudyDate": "09-08-1994", "SeriesDescription": description}
            )  # fmt: skip
        stub.script["/getSeries"] = [reply(body=json.dumps(rows).encode())]
        # In the order in which they are asked for.
        stub.script["/getSOPInstanceUIDs"], stub.script["/getImage"] = sops, zips
        names = PatientNames(table=patients)
        return TciaImages(service=service_at(stub.url), collection="TCGA-LGG", min_images=N, patients=names)

    return serve


def fetched(source, folder: Path):
    lock = source.lock(source.discover())
    bring = partial(fetch_batch, source, folder=folder, threads=1, label="test")
    return fetch_until_settled(lock, lock.chosen, bring, fits)


CORONAL = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}


def coronal(**changes):
    return {**CORONAL, **changes}


def test_the_next_best_serves_where_the_first_is_not_axial(archive, tmp_path):
    source = archive((1, "AX FLAIR", CORONAL), (2, "FLAIR", {}), (3, "COR FLAIR", {}))
    entries, lines = fetched(source, tmp_path)
    assert [(one.key, bool(one.rejected)) for one in entries] == [("1.2.1", True), ("1.2.2", False)]
    assert "1.2.2 serves in the place of 1.2.1: slices are not axial" in lines[0]
    again, _ = fetched(source, tmp_path)
    assert again == entries


@pytest.mark.parametrize("image_type", [["DERIVED", "SECONDARY", "MPR"], ["DERIVED", "PRIMARY", "OTHER"]])
def test_an_original_serves_in_the_place_of_what_was_derived(archive, tmp_path, image_type):
    entries, lines = fetched(archive((1, "AX FLAIR", {"ImageType": image_type}), (2, "FLAIR", {})), tmp_path)
    assert [one.key for one in entries] == ["1.2.1", "1.2.2"]
    assert f"1.2.2 serves in the place of 1.2.1: ImageType {image_type[0]}" in lines[0]


def test_a_reformat_serves_where_the_original_is_not_axial(archive, tmp_path):
    reformat = {"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED"]}
    entries, lines = fetched(archive((1, "AX FLAIR", reformat), (2, "SAG FLAIR", CORONAL)), tmp_path)
    assert ([one.rejected is None for one in entries], lines) == ([True, False], [])
    assert len(entries[0].doubts) == 2


def test_a_subtraction_is_rejected(archive, tmp_path):
    subtraction = {"ImageType": ["DERIVED", "SECONDARY", "SUBTRACTION"]}
    (entry,), _ = fetched(archive((1, "AX FLAIR", subtraction)), tmp_path)
    assert entry.rejected == "ImageType DERIVED\\SECONDARY\\SUBTRACTION: computed from other images"


def test_a_series_that_makes_no_volume_is_rejected_at_fetch(archive, tmp_path):
    uneven = {"PixelSpacing": [1, 1], "ImagePositionPatient": [0, 0, 5]}
    (entry,), _ = fetched(archive((1, "AX FLAIR", uneven)), tmp_path)
    assert entry.rejected is not None


def test_images_of_another_patient_are_an_error_that_names_both(archive, tmp_path):
    with pytest.raises(IntegrityError, match=rf"series 1\.2\.1: PatientID '{OTHER}', expected {PATIENT} as listed"):
        fetched(archive((1, "AX FLAIR", {"PatientID": OTHER})), tmp_path)
    with pytest.raises(IntegrityError, match=r"StudyInstanceUID 1\.8 .*1\.9 "):
        fetched(archive((1, "AX FLAIR", {"StudyInstanceUID": "1.8"})), tmp_path / "again")


@pytest.mark.parametrize("spelling", [PATIENT.lower(), f" {PATIENT} ", "TCGA_CS_4941", f"{PATIENT}-01Z", ""])
def test_spellings_of_one_patient_and_no_id_are_allowed(archive, tmp_path, spelling):
    (entry,), _ = fetched(archive((1, "AX FLAIR", {"PatientID": spelling})), tmp_path)
    assert entry.rejected is None


def test_ids_that_were_replaced_are_told_by_the_table_of_patients(archive, tmp_path):
    table = {"ANON-07": PATIENT}
    (entry,), _ = fetched(archive((1, "AX FLAIR", {"PatientID": "ANON-07"}), patients=table), tmp_path)
    assert entry.rejected is None
    with pytest.raises(IntegrityError, match=r"PatientID 'ANON-08', .*modalities\.flair\.patients"):
        fetched(archive((1, "AX FLAIR", {"PatientID": "ANON-08"}), patients=table), tmp_path / "again")
