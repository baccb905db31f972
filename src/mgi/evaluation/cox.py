"""Cox's proportional hazards model: fitted by Newton's method, with the baseline of Breslow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from mgi.core.errors import BadInputError
from mgi.evaluation.follow_up import Floats, FollowUp, require_finite
from mgi.evaluation.kaplan_meier import stepped
from mgi.evaluation.partial_likelihood import Likelihood, derivatives

STEPS = 50
_SMALL_STEP = 1e-9  # in deviations of a covariate; Newton's next step would be about its square
_HALVINGS = 30
_ROUNDING = 1e-12  # of the likelihood, by which a step at the top may seem to lower it
_LEAST_INFORMATION = 1e-9  # of that at the start; the hazard ratios behind it are beyond a thousand million


@dataclass(frozen=True, kw_only=True)
class CoxModel:
    """A fitted model of k covariates.

    `coefficients` (k,) are log hazard ratios a unit of the covariate, `errors` their standard errors from the
    information (with a ridge they are too small to test by). `means` (k,) are those of training: the baseline hazard,
    cumulative at the distinct times of follow-up (T,), is that of a patient who has them.
    """

    names: tuple[str, ...]
    coefficients: Floats
    errors: Floats
    means: Floats
    log_likelihood: float
    """Without the penalty."""
    times: Floats
    baseline_hazard: Floats

    def log_risk(self, covariates: ArrayLike) -> Floats:
        """Log hazard ratio (n,) of patients with covariates (n, k) to one with the training means."""
        x = np.asarray(covariates, dtype=np.float64)
        require_finite(x, (*x.shape[:1], len(self.names)), "cox: covariates")
        risk: Floats = (x - self.means) @ self.coefficients
        return risk

    def cumulative_hazard(self, covariates: ArrayLike, times: ArrayLike) -> Floats:
        """Cumulative hazard (n, T) at given times (T,).

        Raises BadInputError for a time after the longest follow-up of training, where nothing is known.
        """
        at = np.asarray(times, dtype=np.float64)
        for time in at[at > self.times[-1]][:1]:
            raise BadInputError(
                f"cox: time: found {time:g}, expected at most {self.times[-1]:g}, the longest follow-up in training"
            )
        baseline = stepped(self.times, self.baseline_hazard, at, 0.0)
        hazard: Floats = np.exp(self.log_risk(covariates))[:, None] * baseline
        return hazard

    def survival(self, covariates: ArrayLike, times: ArrayLike) -> Floats:
        """Probability (n, T) to be without the event at given times (T,)."""
        return np.exp(-self.cumulative_hazard(covariates, times))


def fit_cox(follow_up: FollowUp, covariates: ArrayLike, names: Sequence[str], ridge: float = 0.0) -> CoxModel:
    """Fit covariates (n, k) by Efron's partial likelihood less `ridge` / 2 times the sum of squared coefficients.

    The penalty counts coefficients a standard deviation of the covariate, so that units do not matter.
    Raises BadInputError for a value that is missing, a covariate that is constant, a negative ridge; and, without a
    ridge, for fewer events than covariates, covariates that add up to one another, or where no coefficient is best
    because a covariate tells all events from the others (separation).
    """
    x = np.asarray(covariates, dtype=np.float64)
    require_finite(x, (follow_up.n, len(names)), "cox: covariates")
    if not (math.isfinite(ridge) and ridge >= 0):
        raise BadInputError(f"cox: ridge: found {ridge}, expected 0 or more")
    means, spread = x.mean(axis=0), x.std(axis=0)
    for column in np.flatnonzero(x.max(axis=0) == x.min(axis=0))[:1]:
        raise BadInputError(
            f"cox: covariate {names[column]}: found {x[0, column]:g} in all, expected two values at least"
        )
    standard = (x - means) / spread
    if ridge == 0:
        _require_determined(follow_up, standard)
    coefficients, fitted = _newton(follow_up, standard, ridge, names)
    covariance = np.linalg.inv(fitted.information + ridge * np.eye(len(names)))
    times, hazard = breslow(follow_up, standard @ coefficients)
    return CoxModel(
        names=tuple(names),
        coefficients=coefficients / spread,
        errors=np.sqrt(np.diag(covariance)) / spread,
        means=means,
        log_likelihood=fitted.value,
        times=times,
        baseline_hazard=hazard,
    )


def breslow(follow_up: FollowUp, log_risk: Floats) -> tuple[Floats, Floats]:
    """The distinct times (T,) and the cumulative hazard at them (T,) of a patient with log risk 0."""
    times, group = np.unique(follow_up.times, return_inverse=True)
    risk = np.bincount(group, weights=np.exp(log_risk))
    at_risk = np.cumsum(risk[::-1])[::-1]
    return times, np.cumsum(np.bincount(group, weights=follow_up.events) / at_risk)


def _newton(follow_up: FollowUp, x: Floats, ridge: float, names: Sequence[str]) -> tuple[Floats, Likelihood]:
    """The best coefficients a deviation (k,); a step that lowers the likelihood is halved."""
    beta = np.zeros(x.shape[1])
    now = start = derivatives(follow_up, x, beta)
    for _ in range(STEPS):
        try:
            step = np.linalg.solve(now.information + ridge * np.eye(beta.size), now.gradient - ridge * beta)
        except np.linalg.LinAlgError:
            break
        best = _penalised(now, beta, ridge)
        for size in 0.5 ** np.arange(_HALVINGS):
            tried = _tried(follow_up, x, beta + size * step)
            if tried is not None and _penalised(tried, beta + size * step, ridge) >= best - _ROUNDING * abs(best):
                break
        else:
            break
        beta, now = beta + size * step, tried
        if np.abs(step).max() < _SMALL_STEP:
            if ridge == 0 and _least_information(now, start) < _LEAST_INFORMATION:
                break
            return beta, now
    worst = int(np.abs(beta).argmax())
    raise BadInputError(
        f"cox: covariate {names[worst]}: no best coefficient after at most {STEPS} steps; it may tell all events from "
        "the others: leave it out or set a ridge"
    )


def _tried(follow_up: FollowUp, x: Floats, beta: Floats) -> Likelihood | None:
    """The likelihood, None where coefficients are so far off that it is not finite."""
    with np.errstate(all="ignore"):
        found = derivatives(follow_up, x, beta)
    return found if all(np.isfinite(part).all() for part in found) else None


def _penalised(found: Likelihood, beta: Floats, ridge: float) -> float:
    return found.value - ridge / 2 * float(beta @ beta)


def _least_information(now: Likelihood, start: Likelihood) -> float:
    """What is left of the information at coefficients of 0, in the direction that lost most; 0 where there was none.

    In a direction that separates, the likelihood flattens out: the gradient vanishes, and so does the information.
    """
    try:
        return float(linalg.eigh(now.information, start.information, eigvals_only=True)[0])
    except np.linalg.LinAlgError:
        return 0.0


def _require_determined(follow_up: FollowUp, x: Floats) -> None:
    k = x.shape[1]
    if follow_up.n_events < k:
        raise BadInputError(f"cox: event: found {follow_up.n_events} for {k} covariates, expected as many, or a ridge")
    if (rank := int(np.linalg.matrix_rank(x))) < k:
        raise BadInputError(f"cox: covariates: found {rank} independent of {k}, expected all to be, or a ridge")
