import math

import numpy as np
import pytest
from scipy import stats

from mgi.association import permutation
from mgi.association import scan as module
from mgi.association.design import Design, design_of
from mgi.association.permutation import permuted
from mgi.association.scan import Associations, Columns, scan
from mgi.core.errors import BadInputError

RUNS = 500
MOST_BY_CHANCE = 0.05 * RUNS + 2 * math.sqrt(RUNS * 0.05 * 0.95)


def columns(values: np.ndarray, prefix: str) -> Columns:
    return Columns(names=tuple(f"{prefix}{n}" for n in range(values.shape[1])), values=values)


def covariates(rng: np.random.Generator, n: int) -> Design:
    age = rng.normal(45, 10, n)
    return design_of({"age": age, "site": list(rng.choice(["CS", "DU", "HT"], n)), "months": 12 * age}, n)


def scanned(phenotypes: np.ndarray, features: np.ndarray, design: Design | None = None, **how: object) -> Associations:
    design = design_of({}, len(features)) if design is None else design
    return scan(columns(phenotypes, "y"), columns(features, "x"), design, **how)


def planted(
    rng: np.random.Generator, n: int = 300, n_features: int = 100, effect: float = 0.5
) -> tuple[np.ndarray, ...]:
    """Two phenotypes that each follow ten features of their own, in patients whose site shifts both sides."""
    site = rng.integers(0, 3, n)
    features = rng.normal(size=(n, n_features)) + site[:, None]
    true = np.zeros((2, n_features), dtype=bool)
    true[0, :10] = true[1, 10:20] = True
    phenotypes = effect * (features @ true.T) + 2 * site[:, None] + rng.normal(size=(n, 2))
    return phenotypes, features, true, site


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")  # it is on purpose
@pytest.mark.parametrize("seed", range(20))
def test_every_test_is_the_one_of_statsmodels(seed: int) -> None:
    api = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed: make dev")
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 90))
    age, site = rng.normal(45, 10, n), rng.choice(["CS", "DU", "HT"], n)
    design = design_of({"age": age, "site": list(site), "months": 12 * age}, n)
    features, phenotypes = rng.normal(5, 3, size=(n, 4)), rng.normal(size=(n, 3)) + 0.02 * age[:, None]
    phenotypes += 0.5 * features[:, :3] * rng.integers(0, 2, 3)
    found = scanned(phenotypes, features, design)
    others = np.column_stack([np.ones(n), age, site == "DU", site == "HT", 12 * age]).astype(float)
    for y in range(3):
        for x in range(4):
            fit = api.OLS(phenotypes[:, y], np.column_stack([features[:, x], others])).fit()
            assert found.df == fit.df_resid
            assert found.beta[y, x] == pytest.approx(fit.params[0], rel=1e-9)
            assert found.se[y, x] == pytest.approx(fit.bse[0], rel=1e-9)
            assert found.p[y, x] == pytest.approx(fit.pvalues[0], rel=1e-9)


def test_a_regression_worked_by_hand() -> None:
    """y = 1, 3, 2, 5, 4 on x = 1 to 5: slope 0.8, residual sum of squares 3.6, so an error of sqrt(3.6 / 3 / 10)."""
    found = scanned(np.array([[1.0], [3], [2], [5], [4]]), np.arange(1.0, 6)[:, None])
    assert (found.n, found.df) == (5, 3)
    assert found.beta[0, 0] == pytest.approx(0.8)
    assert found.se[0, 0] == pytest.approx(math.sqrt(0.12))
    assert found.r[0, 0] == pytest.approx(0.8)
    assert found.p[0, 0] == pytest.approx(2 * stats.t.sf(0.8 / math.sqrt(0.12), 3))


def test_planted_effects_are_found_and_few_others() -> None:
    found_true = found_false = total = 0
    for seed in range(20):
        phenotypes, features, true, site = planted(np.random.default_rng(seed))
        design = design_of({"site": [f"S{one}" for one in site]}, len(site))
        hits = scanned(phenotypes, features, design).q < 0.05
        found_true, found_false, total = (
            found_true + hits[true].sum(),
            found_false + hits[~true].sum(),
            total + true.sum(),
        )
    assert found_true >= 0.9 * total
    assert found_false <= 0.1 * (found_true + found_false)


def test_a_site_that_moves_both_sides_makes_hits_only_where_it_is_no_covariate() -> None:
    phenotypes, features, _, site = planted(np.random.default_rng(0), effect=0.0)
    assert (scanned(phenotypes, features).q < 0.05).sum() > 50
    assert (
        scanned(phenotypes, features, design_of({"site": [f"S{one}" for one in site]}, len(site))).q < 0.05
    ).sum() == 0


def test_permuted_patients_have_a_hit_in_no_more_runs_than_allowed() -> None:
    """By q and by p_max alike: at most 5 % of runs, and two standard errors."""
    with_q = with_max = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        phenotypes, features, _, _ = planted(rng, n=50, n_features=30)
        found = scanned(rng.permutation(phenotypes), features, covariates(rng, 50), permutations=19, seed=seed)
        with_q, with_max = with_q + (found.q <= 0.05).any(), with_max + (found.p_max <= 0.05).any()
    assert with_q <= MOST_BY_CHANCE
    assert RUNS * 0.02 <= with_max <= MOST_BY_CHANCE


def test_a_constant_or_explained_column_is_named_and_costs_no_hit() -> None:
    phenotypes, features, _, site = planted(np.random.default_rng(1))
    features[:, 50], features[:, 51] = 3.0, 2.0 * (site == 1)
    phenotypes = np.column_stack([phenotypes, np.zeros(len(site)), site == 2.0])
    found = scanned(phenotypes, features, design_of({"site": [f"S{one}" for one in site]}, len(site)), permutations=9)
    assert found.left_out == (
        ("phenotype", "y2", "constant"),
        ("phenotype", "y3", "explained by the covariates"),
        ("feature", "x50", "constant"),
        ("feature", "x51", "explained by the covariates"),
    )
    assert found.phenotypes == ("y0", "y1")
    assert "x50" not in found.features
    assert found.p.shape == found.p_max.shape == (2, 98)
    assert (found.q < 0.05).sum() >= 18


def test_by_rank_an_outlier_no_longer_decides() -> None:
    rng = np.random.default_rng(2)
    phenotypes, features = rng.normal(size=(40, 1)), rng.normal(size=(40, 3))
    phenotypes[0], features[0, 1] = 1e4, 1e4
    assert scanned(phenotypes, features).p[0, 1] < 1e-50
    assert scanned(phenotypes, features, transform="both").p[0, 1] > 1e-3
    assert scanned(np.exp(phenotypes / 1e3), features, transform="phenotypes").p == pytest.approx(
        scanned(phenotypes, features, transform="phenotypes").p
    )


def test_lambda_of_chance_is_about_1_and_so_is_its_permuted_range() -> None:
    rng = np.random.default_rng(3)
    phenotypes, features = rng.normal(size=(80, 2)), rng.normal(size=(80, 10_000))
    found = scanned(phenotypes, features, covariates(rng, 80), permutations=50).inflation
    for values in (found.low, found.found, found.high):
        assert values == pytest.approx(1, abs=0.1)
    assert np.all(found.low < found.high)


def test_the_p_of_the_largest_counts_permutations_that_reach_it() -> None:
    rng = np.random.default_rng(4)
    phenotypes, features = rng.normal(size=(30, 1)), rng.normal(size=(30, 5))
    features[:, 2] += 3 * phenotypes[:, 0]
    found = scanned(phenotypes, features, permutations=99, seed=1)
    assert found.p_max[0, 2] == 1 / 100
    assert found.p_max.min(initial=1, where=np.arange(5) != 2) > 0.05
    assert (np.argsort(found.p_max[0], kind="stable")[0], found.p_max.max() <= 1) == (2, True)
    assert np.isnan(scanned(phenotypes, features).p_max).all()


def test_permuted_residuals_are_freed_of_the_covariates_again() -> None:
    """The largest |r| of a permutation is that of a regression of the permuted residuals on feature and covariates."""
    rng = np.random.default_rng(5)
    design, y, x = covariates(rng, 25), rng.normal(size=(25, 2)), rng.normal(size=(25, 3))
    left, features = design.residuals(y), design.residuals(x)
    chance = permuted(left, features / np.linalg.norm(features, axis=0), design, 1, np.random.default_rng(6))
    again = scanned(left[np.random.default_rng(6).permutation(25)], x, design)
    assert chance.largest[0] == pytest.approx(np.abs(again.r).max())
    assert chance.medians[0] == pytest.approx(np.median(np.abs(again.r), axis=1))


def test_a_seed_fixes_the_permutations_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    phenotypes, features, _, _ = planted(np.random.default_rng(6), n=40, effect=0.1)
    first = scanned(phenotypes, features, permutations=20, seed=3)
    assert scanned(phenotypes, features, permutations=20, seed=4).p_max.tolist() != first.p_max.tolist()
    monkeypatch.setattr(permutation, "BLOCK_BYTES", 1)
    monkeypatch.setattr(module, "COLUMNS_AT_ONCE", 7)
    assert scanned(phenotypes, features, permutations=20, seed=3).p_max.tolist() == first.p_max.tolist()


def test_what_cannot_be_scanned_is_refused() -> None:
    rng = np.random.default_rng(7)
    good = rng.normal(size=(8, 2))
    with pytest.raises(
        BadInputError, match=r"found 8 patients with all values for 5 columns of covariates.*expected 9"
    ):
        scanned(good, good, design_of({"site": ["A", "B", "C", "D", "E", "A", "B", "C"]}, 8))
    with pytest.raises(BadInputError, match="feature x1: patient 3: found nan, expected a number"):
        scanned(good, np.where(np.arange(16).reshape(8, 2) == 7, math.nan, good))
    with pytest.raises(BadInputError, match="phenotypes: found none that varies"):
        scanned(np.ones((8, 2)), good)
    with pytest.raises(BadInputError, match=r"phenotypes: found values of shape \(7, 2\), expected \(8, 2\)"):
        scanned(good[:7], good)
