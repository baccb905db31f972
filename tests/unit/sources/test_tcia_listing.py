import pytest

from mgi.core.errors import BadInputError, IntegrityError, NetworkError
from mgi.sources.tcia_listing import patient_count, read_series, series_rows, sop_uids

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


def test_a_row_becomes_a_series_with_an_iso_date():
    series = read_series(ROW)
    assert (series.patient_id, series.study_date, series.n_images, series.size) == (
        "TCGA-CS-4941",
        "1994-09-08",
        20,
        1000,
    )
    assert not series.third_party


def test_absent_keys_are_null_values():
    series = read_series({name: ROW[name] for name in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID")})
    assert (series.modality, series.description, series.n_images, series.study_date) == ("", "", 0, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"PatientID": "X1"}, "1.2.3: 'X1'"),
        ({"StudyDate": "1994-31-12"}, "1.2.3: '1994-31-12'"),
        ({"ImageCount": "many"}, "1.2.3: .*many"),
    ],
)
def test_a_bad_row_is_named(change, said):
    with pytest.raises(BadInputError, match=said):
        read_series({**ROW, **change})


def test_a_row_without_study_is_named():
    with pytest.raises(BadInputError, match=r"1\.2\.3: no StudyInstanceUID"):
        read_series({"SeriesInstanceUID": "1.2.3", "PatientID": "TCGA-CS-4941"})


@pytest.mark.parametrize("ask", [patient_count, series_rows])
def test_an_empty_listing_says_where_the_images_went(stub, reply, service_at, ask):
    stub.script["/getPatient"] = stub.script["/getSeries"] = [reply(body=b"")]
    with pytest.raises(NetworkError, match=r"phs004225.*kaggle"):
        ask(service_at(stub.url), "TCGA-LGG")
    with pytest.raises(NetworkError, match="restricted or misspelt"):
        ask(service_at(stub.url), "UPENN")


def test_sop_uids_come_sorted_and_may_be_none(stub, reply, service_at):
    stub.script["/getSOPInstanceUIDs"] = [
        reply(body=b'[{"SOPInstanceUID": "1.4"}, {"SOPInstanceUID": "1.3"}]'),
        reply(body=b""),
        reply(body=b'{"a": 1}'),
    ]
    service = service_at(stub.url)
    assert sop_uids(service, "1.2") == ["1.3", "1.4"]
    assert sop_uids(service, "1.2") == []
    with pytest.raises(NetworkError, match="without SOPInstanceUID"):
        sop_uids(service, "1.2")


@pytest.mark.parametrize(
    "bad", [b'{"error": "later"}', b"[1]", b'[{"SeriesInstanceUID": "1"}, {"SeriesInstanceUID": "1"}]']
)
def test_a_listing_that_cannot_be_is_asked_for_again(stub, reply, service_at, bad):
    good = b'[{"SeriesInstanceUID": "1"}, {"SeriesInstanceUID": "2"}]'
    stub.script["/getSeries"] = [reply(body=bad), reply(body=good)]
    assert len(series_rows(service_at(stub.url), "UPENN")) == 2
    assert stub.count("/getSeries") == 2


def test_a_series_that_is_always_listed_twice_is_named(stub, reply, service_at):
    stub.script["/getSeries"] = [reply(body=b'[{"SeriesInstanceUID": "1.2"}, {"SeriesInstanceUID": "1.2"}]')]
    with pytest.raises(IntegrityError, match=r"series of UPENN: series 1\.2 is listed twice \(6 attempts\)"):
        series_rows(service_at(stub.url), "UPENN")
