"""Survival statistics equal those of scikit-survival (GPL: used by tests alone) on random patients with ties."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from mgi.evaluation.brier import brier_scores, integrated_brier
from mgi.evaluation.concordance import harrell_c, uno_c
from mgi.evaluation.cox import fit_cox
from mgi.evaluation.follow_up import FollowUp, follow_up_of
from mgi.evaluation.kaplan_meier import censoring_curve, kaplan_meier

metrics = pytest.importorskip("sksurv.metrics", reason="scikit-survival is not installed: make dev")
from sksurv.linear_model import CoxPHSurvivalAnalysis  # noqa: E402
from sksurv.nonparametric import CensoringDistributionEstimator, kaplan_meier_estimator  # noqa: E402
from sksurv.util import Surv  # noqa: E402

SETS = 200
CLOSE = {"rtol": 0, "atol": 1e-8}


class Patients(NamedTuple):
    """Standardised covariates (n, k), a risk (n,) with ties, follow-up; and that of others, as their array takes it."""

    x: Any
    risk: Any
    own: FollowUp
    training: FollowUp

    @property
    def theirs(self) -> Any:
        return structured(self.own)


@cache
def patients(seed: int) -> Patients:
    """Up to 80 patients, whose times are whole numbers up to about 25, so that many are tied."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(15, 81)), int(rng.integers(1, 5))
    x = rng.normal(size=(n, k))
    x[:, 0] = np.round(x[:, 0])
    times = np.ceil(6 * rng.exponential(size=n) * np.exp(-0.7 * x[:, 0]))
    events = rng.random(n) < rng.uniform(0.3, 0.9)
    events[: k + 2] = True
    others = np.append(np.ceil(6 * rng.exponential(size=60)), 1000.0)  # someone is followed longer than all
    training = follow_up_of(others, np.append(rng.random(60) < 0.6, False))
    return Patients(
        (x - x.mean(0)) / x.std(0), np.round(x[:, 0] + rng.normal(size=n), 1), follow_up_of(times, events), training
    )


def structured(follow_up: FollowUp) -> Any:
    return Surv.from_arrays(follow_up.events, follow_up.times)


def test_the_random_sets_have_ties_of_every_kind() -> None:
    tied_deaths = [
        np.unique(patients(seed).own.times[patients(seed).own.events], return_counts=True)[1].max()
        for seed in range(SETS)
    ]
    assert sum(most > 1 for most in tied_deaths) > SETS / 2
    assert all(len(np.unique(patients(seed).risk)) < patients(seed).own.n for seed in range(20))


@pytest.mark.parametrize("ridge", [0.0, 2.5])
def test_cox_coefficients_and_survival_are_the_same(ridge: float) -> None:
    for seed in range(SETS):
        x, _, own, _ = patients(seed)
        theirs = CoxPHSurvivalAnalysis(alpha=ridge, ties="efron", tol=1e-12).fit(x, patients(seed).theirs)
        ours = fit_cox(own, x, [f"x{column}" for column in range(x.shape[1])], ridge)
        np.testing.assert_allclose(ours.coefficients, theirs.coef_, **CLOSE, err_msg=str(seed))
        survival = theirs.predict_survival_function(x, return_array=True)
        np.testing.assert_allclose(ours.survival(x, theirs.unique_times_), survival, **CLOSE, err_msg=str(seed))


def test_both_concordances_are_the_same() -> None:
    for seed in range(SETS):
        _, risk, own, training = patients(seed)
        theirs = metrics.concordance_index_censored(own.events, own.times, risk)[0]
        np.testing.assert_allclose(harrell_c(own, risk), theirs, **CLOSE, err_msg=str(seed))
        for until in (None, float(np.quantile(own.times, 0.8))):
            theirs = metrics.concordance_index_ipcw(structured(training), structured(own), risk, tau=until)[0]
            np.testing.assert_allclose(uno_c(training, own, risk, until), theirs, **CLOSE, err_msg=str(seed))


def test_kaplan_meier_its_interval_and_the_censoring_curve_are_the_same() -> None:
    for seed in range(SETS):
        own = patients(seed).own
        times, survival, interval = kaplan_meier_estimator(own.events, own.times, conf_type="log-log")
        ours, some = kaplan_meier(own), survival > 0
        np.testing.assert_array_equal(ours.times, times)
        np.testing.assert_allclose(ours.survival, survival, **CLOSE)
        np.testing.assert_allclose([ours.low[some], ours.high[some]], interval[:, some], **CLOSE, err_msg=str(seed))
        if not own.events.all():
            theirs = CensoringDistributionEstimator().fit(structured(own)).predict_proba(times)
            np.testing.assert_allclose(censoring_curve(own).at(times), theirs, **CLOSE)


def test_the_brier_score_and_its_integral_are_the_same() -> None:
    for seed in range(SETS):
        x, _, own, training = patients(seed)
        model = fit_cox(own, x, [f"x{column}" for column in range(x.shape[1])], ridge=1.0)
        times = np.linspace(own.times.min(), own.times.max(), 7)[:-1]
        survival, theirs = model.survival(x, times), (structured(training), structured(own))
        expected = metrics.brier_score(*theirs, survival, times)[1]
        np.testing.assert_allclose(brier_scores(training, own, survival, times), expected, **CLOSE, err_msg=str(seed))
        integral = metrics.integrated_brier_score(*theirs, survival, times)
        np.testing.assert_allclose(integrated_brier(training, own, survival, times), integral, **CLOSE)
