import math

import numpy as np
import pytest

from mgi.association.multiple_testing import benjamini_hochberg, genomic_inflation
from mgi.core.errors import BadInputError


def test_q_is_the_least_rate_at_which_a_test_is_a_hit() -> None:
    """Of 4: 0.005 * 4, 0.01 * 2, 0.03 * 4 / 3 and 0.04, each no more than those after it."""
    q = benjamini_hochberg([[0.01, 0.04], [0.03, 0.005]])
    assert q == pytest.approx(np.array([[0.02, 0.04], [0.04, 0.02]]))


def test_q_is_at_most_1_and_no_tests_have_none() -> None:
    assert benjamini_hochberg([0.9, 1.0]).tolist() == [1.0, 1.0]
    assert benjamini_hochberg([]).size == 0


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1])
def test_a_p_that_is_none_is_refused(bad: float) -> None:
    with pytest.raises(BadInputError, match=f"p value: found {bad}"):
        benjamini_hochberg([0.01, bad])


def test_lambda_is_1_where_half_the_p_values_are_below_one_half() -> None:
    assert genomic_inflation(0.5) == pytest.approx(1)
    assert genomic_inflation(0.3173105) == pytest.approx(1 / 0.4549364, rel=1e-5)
