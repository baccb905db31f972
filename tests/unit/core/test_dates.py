import pytest

from mgi.core.dates import iso_date
from mgi.core.errors import BadInputError


@pytest.mark.parametrize(
    "text", ["09-08-1994", "1994-09-08", "1994-09-08 00:00:00.0", "19940908", "1994.09.08", " 09/08/1994 "]
)
def test_every_way_of_writing_a_day_is_the_same_day(text):
    assert iso_date(text) == "1994-09-08"


@pytest.mark.parametrize("text", ["", "1994", "31-12-1994", "02-30-1994", "1994-0908", "09-08-94", "00000000"])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(BadInputError, match="YYYY-MM-DD"):
        iso_date(text)
