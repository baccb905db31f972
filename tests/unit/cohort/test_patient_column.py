import pytest

from mgi.cohort.patient_column import PATIENT_COLUMNS, column_at, patient_column
from mgi.core.errors import BadInputError


@pytest.mark.parametrize("name", PATIENT_COLUMNS)
def test_every_usual_name_is_found_wherever_it_stands(name: str) -> None:
    assert patient_column(["age", f" {name.upper()} ", "site"], "x") == 1


def test_a_patients_name_goes_before_a_samples_and_without_any_it_is_the_first() -> None:
    assert patient_column(["sample", "patient"], "x") == 1
    assert patient_column(["who", "age"], "x") == 0


def test_a_column_that_is_named_goes_before_all_others_and_must_be_there() -> None:
    assert patient_column(["patient", "who"], "x", "who") == 1
    with pytest.raises(BadInputError, match=r"^x: found no 'whose', expected it among 'patient', 'who'$"):
        patient_column(["patient", "who"], "x", "whose")


def test_what_occurs_twice_is_refused_and_many_names_are_cut() -> None:
    with pytest.raises(BadInputError, match=r"^x: found 'case' 2 times, expected it once$"):
        patient_column(["case", "CASE"], "x")
    with pytest.raises(BadInputError, match=r"'59', …$"):
        column_at([str(one) for one in range(70)], "age", "x")
