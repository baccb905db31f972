import pytest

from mgi.core.counts import shown_count, stated_count


@pytest.mark.parametrize(("stated", "number"), [(0, 0), (12, 12), ("12", 12), (12.0, 12), ("1e3", 1000), (" 7 ", 7)])
def test_a_size_is_read_from_a_number_or_its_text(stated, number):
    assert stated_count(stated) == number


@pytest.mark.parametrize(
    "stated", [-1, 10**4000, "9" * 5000, "1e999", float("inf"), float("nan"), "many", None, [1], ""]
)
def test_what_is_no_size_is_a_value_error_of_one_short_line(stated):
    with pytest.raises(ValueError) as caught:
        stated_count(stated)
    assert len(str(caught.value)) < 200


def test_a_number_without_end_is_shown_by_its_size():
    assert shown_count(12) == "12"
    assert shown_count(10**4000) == "more than 10^18"
    assert shown_count(-(10**4000)) == "less than -10^18"
