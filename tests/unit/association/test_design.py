import math

import numpy as np
import pytest

from mgi.association.design import design_of
from mgi.core.errors import BadInputError


def test_texts_become_an_indicator_of_each_category_but_the_first() -> None:
    design = design_of({"age": np.array([40.0, 50, 61, 35]), "site": ["HT", "CS", "DU", "CS"]}, 4)
    assert design.columns == ("intercept", "age", "site=DU", "site=HT")
    assert design.redundant == ()
    assert design.basis.T @ design.basis == pytest.approx(np.eye(4), abs=1e-12)


def test_residuals_hold_nothing_of_any_covariate() -> None:
    rng = np.random.default_rng(0)
    age, site = rng.normal(2015, 3, 30), list(rng.choice(["A", "B", "C"], 30))
    left = design_of({"year": age, "site": site}, 30).residuals(1e6 + rng.normal(size=(30, 5)))
    assert np.abs(left.sum(axis=0)).max() < 1e-8
    assert np.abs((age - age.mean()) @ left).max() < 1e-7
    assert np.abs(np.array([one == "B" for one in site]) @ left).max() < 1e-8


@pytest.mark.parametrize(
    ("covariates", "redundant"),
    [
        ({"age": np.array([1.0, 2, 3, 4]), "months": np.array([12.0, 24, 36, 48])}, ("months",)),
        ({"scanner": ["a", "a", "b", "b"], "site": ["x", "x", "y", "y"]}, ("site=y",)),
        ({"one": np.full(4, 7.0)}, ("one",)),
        ({"tiny": np.array([1e-9, 2e-9, 1e-9, 5e-9]), "huge": np.array([1e9, 2e9, 3e9, 3e9])}, ()),
        ({"year": np.array([2010.0, 2010.001, 2010, 2010.002])}, ()),
        ({"one category": ["a"] * 4}, ("one category",)),
    ],
)
def test_what_others_add_up_to_is_named_and_not_counted(
    covariates: dict[str, object], redundant: tuple[str, ...]
) -> None:
    assert design_of(covariates, 4).redundant == redundant


def test_without_covariates_there_is_the_intercept() -> None:
    assert design_of({}, 3).residuals(np.array([[1.0], [2.0], [6.0]])).ravel() == pytest.approx([-2, -1, 3])


def test_a_covariate_that_is_missing_is_refused() -> None:
    with pytest.raises(BadInputError, match="covariate age: patient 1: found nan"):
        design_of({"age": np.array([1.0, math.nan])}, 2)
    with pytest.raises(BadInputError, match="covariate site: found 1 values, expected 2"):
        design_of({"site": ["A"]}, 2)
