from mgi_standin.archive.nbia_format import rows_response

ROWS = [{"A": "x", "B": None, "C": 3}, {"A": None, "B": 'a "b", c', "C": None}]


def test_json_omits_nulls():
    assert rows_response(ROWS, None, "v4").body == b'[{"A": "x", "C": 3}, {"B": "a \\"b\\", c"}]'


def test_a_null_in_the_first_column_of_quoted_csv_loses_its_opening_quote():
    assert rows_response(ROWS, "CSV", "v4").body == b'"A","B","C"\n"x","","3"\n","a ""b"", c",""\n'


def test_old_csv_is_not_quoted():
    assert rows_response(ROWS[:1], "CSV", "v1").body == b"A,B,C\nx,,3\n"


def test_no_rows_are_an_empty_body_without_a_type():
    reply = rows_response([], "JSON", "v4")
    assert (reply.status, reply.body, dict(reply.headers)) == (200, b"", {})


def test_unknown_formats_fail_and_unplayed_ones_say_so():
    assert rows_response(ROWS, "yaml", "v4").status == 500
    assert rows_response([], "yaml", "v4").status == 500
    assert rows_response(ROWS, "XML", "v4").status == 501
