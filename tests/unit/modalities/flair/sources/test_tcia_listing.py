import json

import pytest

from mgi.core.errors import BadInputError, IntegrityError, NetworkError
from mgi.http.credentials import Token
from mgi.http.service import Request
from mgi.modalities.flair.sources.tcia_listing import (
    listed_rows,
    patient_count,
    read_series,
    series_rows,
    sop_uids,
    versions_of,
)
from mgi.modalities.flair.sources.user_lists import PatientNames

BARCODES = PatientNames()

ROW = {
    "SeriesInstanceUID": "1.2.3",
    "StudyInstanceUID": "1.2",
    "PatientID": "TCGA-CS-4941",
    "Modality": "MR",
    "SeriesDescription": "AXIAL FLAIR",
    "ImageCount": 20,
    "FileSize": 1000,
    "StudyDate": "09-08-1994",
    "ThirdPartyAnalysis": "NO",
}
ASK = Request(path="getSeries", label="series")
V1, V2, V4 = (f"/services/{version}/getSeries" for version in ("v1", "v2", "v4"))


def test_a_row_becomes_a_series_with_an_iso_date():
    series = read_series(ROW, BARCODES)
    assert (series.patient_id, series.study_date, series.n_images, series.size) == (
        "TCGA-CS-4941",
        "1994-09-08",
        20,
        1000,
    )
    assert not series.third_party


def test_absent_keys_are_null_values():
    few = {name: ROW[name] for name in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID")}
    series = read_series(few, BARCODES)
    assert (series.modality, series.description, series.n_images, series.study_date) == ("", "", 0, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"PatientID": "X 1"}, r"1\.2\.3: 'X 1'.*modalities\.flair\.patients"),
        ({"StudyDate": "1994-31-12"}, r"1\.2\.3: '1994-31-12'"),
        ({"ImageCount": "many"}, r"1\.2\.3: .*'many'"),
    ],
)
def test_a_bad_row_is_named(change, said):
    with pytest.raises(BadInputError, match=said):
        read_series({**ROW, **change}, BARCODES)


def test_a_row_without_study_is_named():
    with pytest.raises(BadInputError, match=r"1\.2\.3: .*StudyInstanceUID"):
        read_series({"SeriesInstanceUID": "1.2.3", "PatientID": "TCGA-CS-4941"}, BARCODES)


@pytest.mark.parametrize("ask", [patient_count, series_rows])
def test_an_empty_listing_says_where_the_images_went(stub, reply, service_at, ask):
    stub.script["/getPatient"] = stub.script["/getSeries"] = [reply(body=b"")]
    with pytest.raises(NetworkError, match=r"'TCGA-LGG'.*phs004225.*modalities\.flair\.source.*kaggle"):
        ask(versions_of(service_at(stub.url)), "TCGA-LGG")
    with pytest.raises(NetworkError, match=r"'TCGA-LGG'.*nifti .*BraTS-TCGA-LGG.*dicom .*General Commons"):
        ask(versions_of(service_at(stub.url)), "TCGA-LGG")
    with pytest.raises(NetworkError, match=r"'UPENN'.*modalities\.flair\.source"):
        ask(versions_of(service_at(stub.url)), "UPENN")


def test_sop_uids_come_sorted_and_may_be_none(stub, reply, service_at):
    stub.script["/getSOPInstanceUIDs"] = [
        reply(body=b'[{"SOPInstanceUID": "1.4"}, {"SOPInstanceUID": "1.3"}]'),
        reply(body=b""),
        reply(body=b'{"a": 1}'),
    ]
    nbia = versions_of(service_at(stub.url))
    assert sop_uids(nbia, "1.2") == ("", ["1.3", "1.4"])
    assert sop_uids(nbia, "1.2") == ("", [])
    with pytest.raises(NetworkError, match=r"series 1\.2: .* SOPInstanceUID"):
        sop_uids(nbia, "1.2")


def test_dates_of_the_first_version_are_read(stub):
    assert read_series({**ROW, "StudyDate": "1994-09-08 00:00:00.0"}, BARCODES).study_date == "1994-09-08"


def test_a_patient_under_another_name_is_found_in_the_table_or_left_out():
    table = PatientNames(table={"UPENN-1": "TCGA-ZZ-0001"})
    assert read_series({**ROW, "PatientID": "UPENN-1"}, table).patient_id == "TCGA-ZZ-0001"
    assert read_series(ROW, table).patient_id == "TCGA-CS-4941"
    assert read_series({**ROW, "PatientID": "UPENN-2"}, table) is None


def test_columns_that_an_old_version_lacks_are_asked_for_elsewhere(stub, reply, service_at):
    few = {name: value for name, value in ROW.items() if name not in ("ImageCount", "FileSize", "StudyDate")}
    stub.script["/getSeries"] = [reply(body=json.dumps([few]).encode())]
    stub.script["/getSeriesSize"] = [reply(body=b'[{"TotalSizeInBytes": "900.000000", "ObjectCount": 20}]')]
    study = {"StudyInstanceUID": "1.2", "StudyDate": "1994-09-08 00:00:00.0"}
    stub.script["/getPatientStudy"] = [reply(body=json.dumps([study]).encode())]
    _, (row,) = series_rows(versions_of(service_at(stub.url)), "TCGA-LGG")
    series = read_series(row, BARCODES)
    assert (series.n_images, series.size, series.study_date) == (20, 900, "1994-09-08")
    stub.script["/getSeriesSize"] = [reply(body=b"")]
    with pytest.raises(NetworkError, match=r"series 1\.2\.3: .*count"):
        series_rows(versions_of(service_at(stub.url)), "TCGA-LGG")


def test_a_manifest_brings_its_series_from_any_collection_and_names_what_is_not_shown(stub, reply, service_at):
    other = {**ROW, "SeriesInstanceUID": "1.2.9"}
    collection = [ROW, {**ROW, "SeriesInstanceUID": "1.2.8"}]
    stub.script["/getSeries"] = [reply(body=json.dumps(rows).encode()) for rows in (collection, [other])]
    nbia = versions_of(service_at(stub.url))
    _, rows = listed_rows(nbia, ["1.2.9", "1.2.3"], "TCGA-LGG")
    assert [row["SeriesInstanceUID"] for row in rows] == ["1.2.9", "1.2.3"]
    stub.script["/getSeries"] = [reply(body=json.dumps([ROW]).encode()), reply(body=b"")]
    with pytest.raises(NetworkError, match=r"1 of 2 .*manifest .*: 1\.2\.7: .*TCGA-LGG"):
        listed_rows(nbia, ["1.2.3", "1.2.7"], "TCGA-LGG")


@pytest.mark.parametrize(
    "bad", [b'{"error": "later"}', b"[1]", b'[{"SeriesInstanceUID": "1"}, {"SeriesInstanceUID": "1"}]']
)
def test_a_listing_that_cannot_be_is_asked_for_again(stub, reply, service_at, bad):
    good = b'[{"SeriesInstanceUID": "1", "ImageCount": 3, "StudyDate": "1"}, '
    good += b'{"SeriesInstanceUID": "2", "ImageCount": 3}]'
    stub.script["/getSeries"] = [reply(body=bad), reply(body=good)]
    _, rows = series_rows(versions_of(service_at(stub.url)), "UPENN")
    assert len(rows) == 2
    assert stub.count("/getSeries") == 2


def test_a_series_that_is_always_listed_twice_is_named(stub, reply, service_at):
    stub.script["/getSeries"] = [reply(body=b'[{"SeriesInstanceUID": "1.2"}, {"SeriesInstanceUID": "1.2"}]')]
    with pytest.raises(IntegrityError, match=r"UPENN: series 1\.2 .*twice \(6 "):
        series_rows(versions_of(service_at(stub.url)), "UPENN")


def at(stub, service_at, version="v4", **changes):
    return versions_of(service_at(f"{stub.url}/services/{version}", **changes))


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (410, 1), (500, 6), (503, 6)])
def test_the_first_version_answers_where_the_fourth_is_gone_or_fails_for_ever(stub, reply, service_at, status, asked):
    stub.script[V4] = [reply(status=status)]
    stub.script[V1] = [reply(body=b"[1]")]
    nbia = at(stub, service_at)
    assert nbia.ask(ASK) == ("v1", [1])
    assert stub.count(V4) == asked
    assert nbia.ask(ASK) == ("v1", [1])  # what answered is asked first from then on
    assert stub.count(V4) == asked


def test_a_passing_failure_does_not_change_the_version(stub, reply, service_at):
    stub.script[V4] = [reply(status=503), reply(body=b"[4]")]
    assert at(stub, service_at).ask(ASK) == ("v4", [4])
    assert stub.count(V1) == 0


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_not_a_reason_to_ask_another_version(stub, reply, service_at, status):
    stub.script[V4] = [reply(status=status, body=b"not granted")]
    with pytest.raises(NetworkError, match=f"HTTP {status}, not granted"):
        at(stub, service_at).ask(ASK)
    assert stub.count(V1) == 0


def test_where_no_version_answers_each_is_named(stub, reply, service_at):
    stub.script[V4], stub.script[V1] = [reply(status=404)], [reply(status=500)]
    with pytest.raises(NetworkError, match=r"v4: .*HTTP 404.*v1: .*HTTP 500 \(6 "):
        at(stub, service_at).ask(ASK)


def test_an_account_is_asked_for_through_the_second_version(stub, reply, service_at):
    stub.script[V2] = [reply(body=b"[2]")]
    nbia = at(stub, service_at, credential=Token(header="Authorization", prefix="Bearer ", secret="abc"))
    assert nbia.ask(ASK) == ("v2", [2])
    assert stub.seen[0][1]["Authorization"] == "Bearer abc"


def test_a_version_that_is_asked_for_by_name_is_the_only_one(stub, reply, service_at):
    stub.script[V1] = [reply(status=404)]
    with pytest.raises(NetworkError, match="HTTP 404"):
        at(stub, service_at, "v1").ask(ASK)
    assert [json.dumps(list(at(stub, service_at, name).services)) for name in ("v1", "api")] == ['["v1"]', '[""]']


def test_the_version_of_a_lock_is_asked_first(stub, reply, service_at):
    stub.script[V1] = [reply(body=b"[1]")]
    nbia = at(stub, service_at)
    nbia.prefer("v1")
    assert nbia.ask(ASK) == ("v1", [1])
    nbia.prefer("v9")
    nbia.prefer(None)
    assert nbia.ask(ASK)[0] == "v1"
    assert stub.count(V4) == 0
