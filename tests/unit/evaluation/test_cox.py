import math

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.evaluation.cox import CoxModel, fit_cox
from mgi.evaluation.follow_up import follow_up_of
from mgi.evaluation.partial_likelihood import derivatives, partial_log_likelihood

FOUR, TREATED = follow_up_of([1, 2, 3, 4], [1, 1, 1, 1]), np.array([[1.0], [0.0], [1.0], [0.0]])
RATIO = (1 + math.sqrt(17)) / 2
"""The root of h^2 - h - 4, where the derivative 2 - 2h / (h + 1) - h / (h + 2) of FOUR's likelihood is 0."""


def drawn(seed: int = 0, n: int = 50, k: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k))
    times = np.ceil(10 * rng.exponential(size=n) * np.exp(-x[:, 0]))
    return times, np.append(rng.random(n - 1) < 0.7, True), x


def fitted(ridge: float = 0.0, factor: float = 1.0) -> CoxModel:
    times, events, x = drawn()
    return fit_cox(follow_up_of(times, events), x * factor, ["a", "b", "c"], ridge)


def test_efron_lets_each_tied_patient_leave_a_part_of_all() -> None:
    a, b, c = 0.3, -0.2, 0.5
    tied = math.log(math.exp(a) + math.exp(b) + math.exp(c)) + math.log((math.exp(a) + math.exp(b)) / 2 + math.exp(c))
    assert partial_log_likelihood(follow_up_of([1, 1, 2], [1, 1, 0]), [a, b, c]) == pytest.approx(a + b - tied)


def test_a_common_part_of_all_risks_changes_nothing_however_large() -> None:
    times, events, x = drawn()
    own = follow_up_of(times, events)
    assert partial_log_likelihood(own, x[:, 0] + 900) == pytest.approx(partial_log_likelihood(own, x[:, 0]))


def test_the_derivatives_are_those_of_the_likelihood() -> None:
    times, events, x = drawn()
    own, at, step = follow_up_of(times, events), np.array([0.4, -0.3, 0.2]), 1e-5 * np.eye(3)
    found = derivatives(own, x, at)
    slopes = [(derivatives(own, x, at + one).value - derivatives(own, x, at - one).value) / 2e-5 for one in step]
    bends = [(derivatives(own, x, at + one).gradient - derivatives(own, x, at - one).gradient) / 2e-5 for one in step]
    assert found.gradient == pytest.approx(slopes, abs=1e-6)
    assert found.information == pytest.approx(-np.array(bends), abs=1e-6)


def test_four_patients_have_the_hazard_ratio_worked_by_hand() -> None:
    model = fit_cox(FOUR, TREATED, ["treated"])
    assert math.exp(model.coefficients[0]) == pytest.approx(RATIO)
    information = 2 * RATIO / (RATIO + 1) ** 2 + 2 * RATIO / (RATIO + 2) ** 2
    assert model.errors[0] == pytest.approx(1 / math.sqrt(information))
    assert model.log_likelihood == pytest.approx(
        2 * math.log(RATIO) - math.log(2 * RATIO + 2) - math.log(RATIO + 2) - math.log(RATIO + 1)
    )


def test_the_baseline_is_a_sum_of_events_over_those_at_risk() -> None:
    model = fit_cox(FOUR, TREATED, ["treated"])
    untreated = 1 / (2 * RATIO + 2) + 1 / (RATIO + 2)
    assert model.cumulative_hazard([[0.0], [1.0]], [2.5])[:, 0] == pytest.approx([untreated, RATIO * untreated])
    assert model.survival([[0.0]], [0.5, 2.5])[0] == pytest.approx([1, math.exp(-untreated)])
    assert model.log_risk([[0.5]]) == pytest.approx([0])


def test_units_change_coefficients_alone_with_a_ridge_and_without() -> None:
    for ridge in (0.0, 4.0):
        one, other = fitted(ridge), fitted(ridge, factor=1000.0)
        assert other.coefficients * 1000 == pytest.approx(one.coefficients)
        assert other.errors * 1000 == pytest.approx(one.errors)
        assert other.baseline_hazard == pytest.approx(one.baseline_hazard)


def test_the_ridge_counts_coefficients_a_deviation() -> None:
    """At the best coefficients the gradient of the likelihood is that of the penalty."""
    times, events, x = drawn()
    standard = (x - x.mean(0)) / x.std(0)
    beta = fitted(ridge=4.0).coefficients * x.std(0)
    assert derivatives(follow_up_of(times, events), standard, beta).gradient == pytest.approx(4.0 * beta, abs=1e-9)
    assert np.abs(fitted(ridge=1e6).coefficients).max() < 1e-3


def test_a_ridge_fits_more_covariates_than_events_and_those_that_add_up() -> None:
    times, events, x = drawn(n=30, k=60)
    assert np.isfinite(
        fit_cox(follow_up_of(times, events), x, [f"x{n}" for n in range(60)], ridge=1.0).coefficients
    ).all()
    twice = fit_cox(follow_up_of(times, events), np.hstack([x[:, :1], x[:, :1]]), ["a", "b"], ridge=1.0)
    assert twice.coefficients[0] == pytest.approx(twice.coefficients[1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": [[1, 3], [1, 4], [1, 1], [1, 5.0]]}, "covariate age: found 1 in all"),
        ({"x": [[1, 3], [2, 4], [5, math.nan], [1, 5.0]]}, "covariates: patient 2: found nan"),
        ({"x": [[1, 3.0], [2, 4]]}, r"covariates: found shape \(2, 2\), expected \(4, 2\)"),
        ({"x": [[1, 2], [2, 4], [5, 10], [1, 2.0]]}, "covariates: found 1 independent of 2"),
        ({"events": [1, 0, 0, 0]}, "event: found 1 for 2 covariates"),
        ({"ridge": -1.0}, "ridge: found -1.0"),
        ({"ridge": math.nan}, "ridge: found nan"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change: dict[str, object], said: str) -> None:
    given = {"x": [[1, 3], [2, 4], [5, 1], [1, 5.0]], "events": [1, 1, 1, 1], "ridge": 0.0} | change
    with pytest.raises(BadInputError, match=f"^cox: {said}"):
        fit_cox(follow_up_of([4, 2, 3, 1], given["events"]), given["x"], ["age", "grade"], given["ridge"])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_a_covariate_that_tells_all_events_from_the_others_is_named(scale: float) -> None:
    times, events, x = drawn()
    x[:, 1] = -times * scale
    with pytest.raises(BadInputError, match=r"cox: covariate b: no best coefficient"):
        fit_cox(follow_up_of(times, events), x, ["a", "b", "c"])


def test_a_covariate_of_those_without_events_alone_has_no_best_coefficient() -> None:
    times, events, _ = drawn()
    rare = np.zeros((50, 1))
    rare[np.flatnonzero(~events)[:3]] = 1.0
    with pytest.raises(BadInputError, match=r"cox: covariate rare: no best coefficient"):
        fit_cox(follow_up_of(times, events), rare, ["rare"])
    assert math.isfinite(fit_cox(follow_up_of(times, events), rare, ["rare"], ridge=0.1).coefficients[0])


def test_nothing_is_predicted_after_the_longest_follow_up() -> None:
    with pytest.raises(BadInputError, match=r"time: found 5, expected at most 4"):
        fit_cox(FOUR, TREATED, ["treated"]).survival([[0.0]], [5.0])
