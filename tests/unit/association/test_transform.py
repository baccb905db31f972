import numpy as np
import pytest

from mgi.association.transform import inverse_normal


def test_ranks_become_normal_quantiles() -> None:
    """(rank - 3/8) / 4.25 for ranks 1 to 4: the quantiles of 0.1471, 0.3824, 0.6176 and 0.8529."""
    scores = inverse_normal(np.array([[30.0], [-5.0], [1000.0], [2.0]]))[:, 0]
    assert scores == pytest.approx([0.29931, -1.04913, 1.04913, -0.29931], abs=1e-4)


def test_equal_values_get_equal_scores_and_a_constant_stays_constant() -> None:
    scores = inverse_normal(np.array([[1.0, 7], [1.0, 7], [2.0, 7]]))
    assert scores[0, 0] == scores[1, 0] < scores[2, 0]
    assert scores[:, 1].tolist() == [0, 0, 0]


def test_only_the_order_of_values_counts() -> None:
    values = np.random.default_rng(0).normal(size=(20, 3))
    assert inverse_normal(np.exp(values)) == pytest.approx(inverse_normal(values))
