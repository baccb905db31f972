import numpy as np
import pytest

from mgi.cohort.duplicates import TwinGuard
from mgi.core.errors import BadInputError


def test_a_second_patient_with_the_same_values_is_refused() -> None:
    guard = TwinGuard("image")
    guard.admit("A", np.arange(6).reshape(2, 3))
    guard.admit("B", np.arange(6).reshape(2, 3) + 1)
    guard.admit("A", np.arange(6).reshape(2, 3))
    with pytest.raises(BadInputError, match="C: has the same image as A"):
        guard.admit("C", np.arange(6).reshape(2, 3))
