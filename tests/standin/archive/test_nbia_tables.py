import pytest

from mgi_standin.archive.folder import read_archive
from mgi_standin.archive.nbia_tables import SERIES, Guest, columns_of, matching, metadata_of, released_since


def test_a_guest_sees_public_rows_only(archive_folder):
    guest = Guest(read_archive(archive_folder))
    assert list(guest.series) == ["1.3.6.1.4.1.1", "1.3.6.1.4.1.2"]
    assert [row["PatientId"] for row in guest.patients] == ["UPENN-GBM-00001"]
    assert [row["PatientID"] for row in guest.studies] == ["UPENN-GBM-00001"]
    assert len(guest.md5_by_sop_uid) == 4


def test_a_patient_without_any_series_is_seen(archive_folder):
    archive = read_archive(archive_folder)
    archive.patients.append({"PatientId": "lonely"})
    assert "lonely" in [row["PatientId"] for row in Guest(archive).patients]


def test_matching_compares_as_text_and_skips_empty_parameters():
    rows = [{"a": 1}, {"a": 2}, {}]
    assert matching(rows, {"a": "1"}, ["a"]) == [{"a": 1}]
    assert matching(rows, {"a": ""}, ["a"]) == rows
    assert matching(rows, {"b": "1"}, ["a"]) == rows


def test_columns_keep_the_documented_order_and_never_leak_access():
    (row,) = columns_of([{"access": "public", "SeriesDate": "1997-12-31", "PatientAge": "040Y"}], SERIES, "v4")
    assert list(row) == SERIES
    assert row["SeriesDate"] == "12-31-1997"
    (old,) = columns_of([{"SeriesDate": "1997-12-31", "PatientAge": "040Y"}], SERIES, "v1")
    assert old["SeriesDate"] == "1997-12-31 00:00:00.0"
    assert "PatientAge" not in old
    assert "TimeStamp" in old


def test_metadata_has_names_of_its_own():
    (row,) = metadata_of([{"SeriesInstanceUID": "1", "StudyDate": "1997-12-31", "ImageCount": 5}], "v4")
    assert (row["Series UID"], row["Study Date"], row["Number of Images"]) == ("1", "12-31-1997", 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2020-01-02", True), ("2020/01/02", True), ("02/01/2020", True), ("2020-01-03", False), ("01/02/2020", False)],
)
def test_dates_are_read_year_first_or_day_first(text, expected):
    assert released_since({"MaxSubmissionTimestamp": "2020-01-02"}, text) is expected


def test_a_series_without_a_date_is_not_new_and_nonsense_is_an_error():
    assert not released_since({}, "2020-01-01")
    with pytest.raises(ValueError):
        released_since({}, "soon")
