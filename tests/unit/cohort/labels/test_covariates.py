import numpy as np
import pandas as pd
import pytest

from mgi.cohort.labels.covariates import N_NOISE, NUMBERS, Covariates
from mgi.cohort.labels.file import LabelTable
from mgi.core.errors import BadInputError


def labels(age: list[float | None], sex: list[str | None]) -> LabelTable:
    table = pd.DataFrame({"patient_id": ["a", "b", "c", "d"], "age_years": age, "sex": sex})
    return LabelTable(table=table, classes=(), source="x", endpoint=None, survival_source=None)


def test_age_is_in_deviations_of_training_and_what_is_unknown_is_0() -> None:
    found = Covariates(labels([30, 50, 70, None], ["female", "male", None, None]), ["a", "b"], "l")
    noise = np.arange(4 * N_NOISE, dtype=np.float32).reshape(4, N_NOISE)
    vectors = found.vectors(["d", "c", "b", "a"], noise)
    assert vectors.shape == (4, len(NUMBERS))
    assert vectors.dtype == np.float32
    assert vectors[:, 0].tolist() == [0, 3, 1, -1]
    assert vectors[:, 1].tolist() == [0, 0, -1, 1]
    assert (vectors[:, 2:] == noise).all()


def test_who_has_neither_age_nor_sex_or_no_labels_lacks_them() -> None:
    found = Covariates(labels([30, None, None, None], [None, "male", None, None]), ["a"], "l")
    assert found.known(["a", "b", "c", "z"]).tolist() == [True, True, False, False]


def test_without_age_and_sex_of_any_training_patient_there_is_no_control() -> None:
    with pytest.raises(BadInputError, match=r"^l: found no age and no sex of a training patient"):
        Covariates(labels([None, None, None, 40], [None, None, None, "male"]), ["a", "b"], "l")
