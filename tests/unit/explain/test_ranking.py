import math

import numpy as np
import pytest
from scipy import stats

from mgi.explain.ranking import (
    agreement_given,
    area_between,
    auc,
    mean_absolute,
    rank_agreement,
    set_scores,
    signed_agreement,
    stability,
)

VALUES = np.array([[1.0, -4.0, 2.0], [-3.0, 0.0, 2.0]])


def test_scores_of_genes_and_of_sets_are_those_worked_by_hand() -> None:
    assert mean_absolute(VALUES).tolist() == [2, 2, 2]
    assert set_scores(VALUES, [0, 1]).tolist() == pytest.approx([-3 / math.sqrt(2), -3 / math.sqrt(2)])
    assert set_scores(VALUES, [2]).tolist() == [2, 2]


def test_the_auc_counts_pairs_with_ties_a_half() -> None:
    scores = np.array([3.0, 1.0, 1.0, 0.0])
    assert auc(scores, [0, 1], [2, 3]) == (1 + 1 + 0.5 + 1) / 4
    assert auc(scores, [3], [0]) == 0
    assert math.isnan(auc(scores, [0], []))
    assert math.isnan(auc(scores, [], [0]))


def test_agreement_is_of_ranks_and_a_constant_has_none() -> None:
    one = np.array([1.0, 2.0, 30.0])
    assert rank_agreement(one, one**3) == pytest.approx(1)
    assert rank_agreement(one, -one) == pytest.approx(-1)
    assert math.isnan(rank_agreement(one, np.zeros(3)))
    assert signed_agreement(np.stack([one, one, one]), np.stack([one, -one, np.zeros(3)])) == pytest.approx(0)
    assert math.isnan(signed_agreement(one[None], np.zeros((1, 3))))


def test_stability_is_over_pairs_of_runs_and_the_genes_that_they_share() -> None:
    one, two = {"a": 1.0, "b": 2.0, "c": 3.0}, {"c": 5.0, "b": 4.0, "a": 1.0, "x": 9.0}
    turned = {"a": 3.0, "b": 2.0, "c": 1.0}
    assert stability([one, two]) == pytest.approx(1)
    assert stability([one, turned]) == pytest.approx(-1)
    assert stability([one, two, turned]) == pytest.approx((1 - 1 - 1) / 3)
    assert math.isnan(stability([one]))


def test_the_area_between_two_lines_is_a_triangle() -> None:
    assert area_between([0.0, 0.5, 1.0], [1.0, 1.0, 1.0], [1.0, 0.5, 0.0]) == pytest.approx(0.5)


def test_agreement_given_a_third_is_that_of_what_it_leaves_of_the_ranks() -> None:
    rng = np.random.default_rng(0)
    given = rng.normal(size=60)
    one, two = given + rng.normal(size=60), given + rng.normal(size=60)
    ranks = [stats.rankdata(values) for values in (one, two, given)]
    left = [values - np.polyval(np.polyfit(ranks[2], values, 1), ranks[2]) for values in ranks[:2]]
    assert agreement_given(one, two, given) == pytest.approx(np.corrcoef(*left)[0, 1])
    assert rank_agreement(one, two) > 0.3 > abs(agreement_given(one, two, given))
    assert np.isnan(agreement_given(one, two, np.ones(60)))
    assert np.isnan(agreement_given(one, two, one))
