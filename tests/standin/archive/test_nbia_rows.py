import json

from mgi_standin.archive.folder import read_archive
from mgi_standin.archive.nbia_rows import METADATA, SERIES, Guest, columns_of, csv_response, json_rows


def test_a_guest_sees_public_rows_only(archive_folder):
    guest = Guest(read_archive(archive_folder))
    assert list(guest.series) == ["1.3.6.1.4.1.1", "1.3.6.1.4.1.2"]
    assert [row["PatientId"] for row in guest.patients] == ["UPENN-GBM-00001"]
    assert [row["PatientID"] for row in guest.studies] == ["UPENN-GBM-00001"]


def test_a_patient_without_any_series_is_seen(archive_folder):
    archive = read_archive(archive_folder)
    archive.patients.append({"PatientId": "lonely"})
    assert "lonely" in [row["PatientId"] for row in Guest(archive).patients]


def test_columns_keep_the_documented_order_and_never_leak_access():
    (row,) = columns_of([{"access": "public", "SeriesDate": "1997-12-31", "PatientAge": "040Y"}], SERIES, "v4")
    assert list(row) == SERIES
    assert row["SeriesDate"] == "12-31-1997"
    (old,) = columns_of([{"SeriesDate": "1997-12-31", "PatientAge": "040Y"}], SERIES, "v1")
    assert old["SeriesDate"] == "1997-12-31 00:00:00.0"
    assert "PatientAge" not in old
    assert "TimeStamp" in old


def test_json_omits_nulls():
    assert json.loads(json_rows([{"A": "x", "B": None}, {"A": None, "B": 3}]).body) == [{"A": "x"}, {"B": 3}]


def test_no_rows_are_an_empty_body_without_a_type():
    for reply in (json_rows([]), csv_response([], METADATA)):
        assert (reply.status, reply.body, dict(reply.headers)) == (200, b"", {})


def test_csv_is_quoted_and_has_column_names_of_its_own():
    rows = [{"b": "1997-12-31", "SeriesDate": "1997-12-31"}, {"b": 'a "b", c'}]
    expected = b'"B","Series Date"\n"1997-12-31","12-31-1997"\n"a ""b"", c",""\n'
    assert csv_response(rows, {"B": "b", "Series Date": "SeriesDate"}).body == expected


def test_a_null_in_the_first_column_of_csv_loses_its_opening_quote():
    assert csv_response([{"b": 3}], {"A": "a", "B": "b"}).body == b'"A","B"\n","3"\n'
