import csv
import io
import json

import pytest

from mgi_standin.archive.folder import read_archive
from mgi_standin.archive.nbia import nbia_service
from mgi_standin.archive.response import Request

PUBLIC, SEG, RESTRICTED = "1.3.6.1.4.1.1", "1.3.6.1.4.1.2", "1.3.6.1.4.1.9"
ENDPOINTS = [
    "getPatient",
    "getPatientStudy",
    "getSeries",
    "getSeriesSize",
    "getSOPInstanceUIDs",
    "getImage",
    "getImageWithMD5Hash",
]


def is_empty_200(reply):
    return reply.status_code == 200 and reply.content == b"" and "Content-Type" not in reply.headers


def test_series_drop_nulls_and_write_american_dates(nbia):
    reply = nbia("getSeries", Modality="MR")
    assert reply.headers["Content-Type"] == "application/json"
    (row,) = reply.json()
    assert row == {
        "SeriesInstanceUID": PUBLIC,
        "StudyInstanceUID": f"{PUBLIC}.0",
        "Modality": "MR",
        "SeriesDate": "02-03-2001",
        "SeriesDescription": 'AX "FLAIR", thin',
        "Collection": "UPENN-GBM",
        "PatientID": "UPENN-GBM-00001",
        "Manufacturer": "GE",
        "ImageCount": 3,
        "MaxSubmissionTimestamp": "06-07-2020",
        "LicenseName": "CC BY 4.0",
        "FileSize": 300,
        "StudyDate": "02-03-2001",
    }


def test_v1_writes_iso_dates_with_a_time_and_a_time_stamp(nbia_v1):
    row = nbia_v1("getSeries", SeriesInstanceUID=PUBLIC).json()[0]
    assert row["SeriesDate"] == "2001-02-03 00:00:00.0"
    assert row["TimeStamp"] == "2020-06-07 00:00:00.0"
    assert "MaxSubmissionTimestamp" not in row


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_v4_refuses_a_parameter_that_it_does_not_allow(nbia, endpoint):
    reply = nbia(endpoint, Colection="TCGA-LGG")
    assert reply.status_code == 400
    assert reply.text.startswith("Invalid query parameter: 'Colection'. Allowed parameters are: [")


def test_the_id_of_a_patient_is_spelled_differently_by_two_endpoints(nbia):
    allowed = "Invalid query parameter: 'PatientID'. Allowed parameters are: [Collection, PatientId]"
    assert nbia("getPatient", PatientID="x").text == allowed
    assert nbia("getSeries", PatientId="x").status_code == 400


def test_v1_ignores_unknown_parameters(nbia_v1):
    assert len(nbia_v1("getSeries", Colection="x").json()) == 2


@pytest.mark.parametrize(
    ("endpoint", "params"),
    [
        ("getSeries", {"Collection": "TCGA-LGG"}),
        ("getSeries", {"Collection": "No such"}),
        ("getSeries", {"Modality": "mr"}),
        ("getPatient", {"Collection": "TCGA-LGG"}),
        ("getPatientStudy", {"PatientID": "TCGA-CS-4941"}),
        ("getSeriesSize", {"SeriesInstanceUID": RESTRICTED}),
        ("getSOPInstanceUIDs", {"SeriesInstanceUID": RESTRICTED}),
    ],
)
def test_nothing_found_and_nothing_allowed_look_the_same_an_empty_200(nbia, endpoint, params):
    assert is_empty_200(nbia(endpoint, **params))


def test_patients_and_studies_are_those_a_guest_sees(nbia):
    (patient,) = nbia("getPatient").json()
    assert patient == {"PatientId": "UPENN-GBM-00001", "Collection": "UPENN-GBM", "Authorized": "1"}
    (study,) = nbia("getPatientStudy", Collection="UPENN-GBM").json()
    assert study == {
        "StudyInstanceUID": f"{PUBLIC}.0",
        "StudyDate": "02-03-2001",
        "PatientID": "UPENN-GBM-00001",
        "Collection": "UPENN-GBM",
        "SeriesCount": 1,
    }


def test_size_and_instances_of_a_series(nbia):
    assert nbia("getSeriesSize", SeriesInstanceUID=PUBLIC).json() == [{"TotalSizeInBytes": 300, "ObjectCount": 3}]
    uids = [row["SOPInstanceUID"] for row in nbia("getSOPInstanceUIDs", SeriesInstanceUID=PUBLIC).json()]
    assert uids == [f"{PUBLIC}.3", f"{PUBLIC}.1", f"{PUBLIC}.2"]


@pytest.mark.parametrize("uid", [RESTRICTED, "1.2.3"])
def test_an_image_refused_is_text_under_a_json_label(nbia, nbia_v1, uid):
    for endpoint in ("getImage", "getImageWithMD5Hash"):
        reply = nbia(endpoint, SeriesInstanceUID=uid)
        assert reply.status_code == 400
        assert reply.headers["Content-Type"] == "application/json"
        expected = f"The user has not been granted the access to image with given SeriesInstanceUID,{uid}."
        assert reply.text.startswith(expected)
        with pytest.raises(ValueError):
            reply.json()
    old = nbia_v1("getImage", SeriesInstanceUID=uid)
    assert old.text == f"Image with given SeriesInstanceUID,{uid}, is not in public domain."


def test_an_image_request_without_a_series_is_a_400(nbia):
    reply = nbia("getImage")
    assert reply.status_code == 400
    assert reply.text == "A parameter, SeriesInstanceUID, is required for this API call."


def test_metadata_is_posted_and_comes_as_csv(gdc):
    path = "/nbia-api/services/v4/getSeriesMetadata"
    reply = gdc("POST", path, data={"list": f"{PUBLIC},{RESTRICTED},{SEG}"})
    assert reply.headers["Content-Type"] == "text/csv"
    assert "attachment" in reply.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [(row["Series UID"], row["Number of Images"], row["Study Date"]) for row in rows] == [
        (PUBLIC, "3", "02-03-2001"),
        (SEG, "1", "02-03-2001"),
    ]
    assert rows[0]["Subject ID"] == "UPENN-GBM-00001"
    assert gdc("POST", path, data={"uids": PUBLIC}).status_code == 400
    assert gdc("GET", path).status_code == 405


def test_an_empty_parameter_is_as_good_as_none(nbia):
    assert len(nbia("getSeries", Collection="").json()) == 2


def test_v2_wants_a_token(gdc):
    path = "/nbia-api/services/v2/getSeriesSize"
    assert gdc("GET", path).status_code == 401
    size = gdc("GET", path, headers={"Authorization": "Bearer x"}, params={"SeriesInstanceUID": PUBLIC})
    assert size.json() == [{"TotalSizeInBytes": 300, "ObjectCount": 3}]


def test_what_is_not_there_is_a_404_and_another_method_a_405(gdc):
    assert gdc("HEAD", "/nbia-api/services/v4/getSeries").status_code == 405
    assert gdc("GET", "/nbia-api/services/v4/getNothing").status_code == 404
    assert gdc("GET", "/nbia-api/elsewhere").status_code == 404


def test_the_service_is_a_plain_function_of_a_request(archive_folder):
    answer = nbia_service(read_archive(archive_folder))
    reply = answer(Request(method="GET", path="/nbia-api/services/v4/getPatient"))
    assert [row["PatientId"] for row in json.loads(reply.body)] == ["UPENN-GBM-00001"]


def test_a_zip_packed_ahead_is_sent_where_digests_are_asked_for_and_nowhere_else(archive_folder):
    (archive_folder / "nbia/packed").mkdir()
    for uid in (PUBLIC, RESTRICTED):
        (archive_folder / f"nbia/packed/{uid}.zip").write_bytes(b"PK ready")
    answer = nbia_service(read_archive(archive_folder))

    def body(endpoint, **params):
        reply = answer(Request(method="GET", path=f"/nbia-api/services/v4/{endpoint}", query=tuple(params.items())))
        assert "Content-Length" not in reply.headers or reply.status == 400
        return reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)

    assert body("getImage", SeriesInstanceUID=PUBLIC, IncludeMD5="Yes") == b"PK ready"
    assert body("getImageWithMD5Hash", SeriesInstanceUID=PUBLIC) == b"PK ready"
    assert b"00000001.dcm" in body("getImage", SeriesInstanceUID=PUBLIC)
    assert b"1-001.dcm" in body("getImage", SeriesInstanceUID=PUBLIC, NewFileNames="Yes", IncludeMD5="Yes")
    assert body("getImageWithMD5Hash", SeriesInstanceUID=SEG)[:2] == b"PK"
    assert b"has not been granted" in body("getImageWithMD5Hash", SeriesInstanceUID=RESTRICTED)
