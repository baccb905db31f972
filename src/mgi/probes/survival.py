"""Survival told by sets of features: Cox models with a ridge, learned in each fold, scored on its test patients.

n patients, T times, P permutations.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.evaluation.brier import integrated_brier
from mgi.evaluation.cohort_scores import resamplings
from mgi.evaluation.concordance import concordance_within, harrell_c, uno_c
from mgi.evaluation.cox import CoxModel, breslow, fit_cox
from mgi.evaluation.follow_up import FollowUp, follow_up_of
from mgi.evaluation.intervals import percentiles
from mgi.evaluation.kaplan_meier import stepped
from mgi.evaluation.partial_likelihood import partial_log_likelihood
from mgi.probes.classification import FoldFeatures, Key, Told, named
from mgi.probes.draws import INNER_FOLDS
from mgi.probes.features import CLINICAL, Rows, standardised
from mgi.probes.settings import ProbeSettings

Floats = NDArray[np.float64]
RIDGES = (1.0, 10.0, 100.0, 1000.0)
LATE = 0.8
"""Scores count up to the time by which this share of the patients were last seen: later, few are left."""
TIMES = 25


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What the event is, and each patient's time in days with whether the event happened then."""

    name: str
    of: Mapping[str, tuple[float, bool]]


@dataclass(kw_only=True)
class _Risks:
    """What one set of features told of the test patients of all folds, fold after fold."""

    risk: list[Floats] = field(default_factory=list)
    permuted: list[Floats] = field(default_factory=list)
    survival: list[Floats] = field(default_factory=list)
    inner: list[float] = field(default_factory=list)
    lacking: int = 0


def probe_survival(endpoint: Endpoint, table: str, folds: Sequence[FoldFeatures], settings: ProbeSettings) -> Told:
    """Scores of every set of features, all on the same test patients, and their difference to clinical ones.

    Raises BadInputError where a fold learns from fewer than three events, or none is tested.
    """
    rows = [tuple(_followed(place, each, endpoint) for each in (place.training, place.test)) for place in folds]
    patients = [place.patients[row] for place, (_, test) in zip(folds, rows, strict=True) for row in test]
    where = f"probe: {endpoint.name}: {table}"
    follow_up = _follow_up(patients, endpoint, f"{where}: test")
    last = min(
        max(endpoint.of[place.patients[row]][0] for row in own) for place, (own, _) in zip(folds, rows, strict=True)
    )
    times = _times(follow_up, last)
    told: dict[Key, _Risks] = {}
    for place, (training, test) in zip(folds, rows, strict=True):
        own = _follow_up([place.patients[row] for row in training], endpoint, f"{where}: training of fold {place.fold}")
        if own.n_events < INNER_FOLDS:
            raise BadInputError(
                f"{where}: fold {place.fold} learns from {own.n_events} events, expected {INNER_FOLDS} at least; "
                "set probe.survival to false"
            )
        _probe_fold(told, place, (training, test), own, times, settings)
    counts = resamplings(follow_up.n, settings.bootstrap_draws, settings.seed)
    common = {"target": endpoint.name, "table": table, "n": follow_up.n, "events": follow_up.n_events}
    scores = _scores(told, follow_up, times, counts)
    numbers = [place.fold for place, (_, test) in zip(folds, rows, strict=True) for _ in test]
    predictions = [
        {"target": endpoint.name, "table": table, **named(key), "patient_id": patient, "fold": fold,
         "prediction": float(value), "time_days": endpoint.of[patient][0], "event": endpoint.of[patient][1]}
        for key, one in told.items()
        for patient, fold, value in zip(patients, numbers, np.concatenate(one.risk), strict=True)
    ]  # fmt: skip
    return Told(scores=[{**common, **row} for row in scores], predictions=predictions)


def _probe_fold(
    told: dict[Key, _Risks],
    place: FoldFeatures,
    rows: tuple[Rows, Rows],
    follow_up: FollowUp,
    times: Floats,
    settings: ProbeSettings,
) -> None:
    training, test = rows
    generator = np.random.default_rng([settings.seed, place.fold, 1])
    inner = _inner_folds(follow_up, generator)
    sizes = follow_up.n, len(test)
    orders = [tuple(generator.permutation(size) for size in sizes) for _ in range(settings.permutations)]
    for own in place.sets:
        x, tested = standardised(own, training, test)
        ridge, score = _chosen_ridge(follow_up, x, inner)
        model = _Fitted.to(follow_up, x, ridge)
        one = told.setdefault(own.key, _Risks())
        one.risk.append(model.risk(tested))
        one.survival.append(model.survival(tested, times))
        one.permuted.append(
            np.stack([_Fitted.to(follow_up.of(mine), x, ridge).risk(tested[theirs]) for mine, theirs in orders])
        )
        one.inner.append(score)
        one.lacking += int(np.isnan(own.tested_on[test]).any(axis=1).sum())


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """A Cox model on those of the features that vary among its patients; where none does, all have one risk."""

    model: CoxModel | None
    varies: NDArray[np.bool_]
    baseline: tuple[Floats, Floats]

    @classmethod
    def to(cls, follow_up: FollowUp, x: Floats, ridge: float) -> "_Fitted":
        varies = np.ptp(x, axis=0) > 0 if x.shape[1] else np.zeros(0, bool)
        names = [f"feature {column}" for column in np.flatnonzero(varies)]
        model = fit_cox(follow_up, x[:, varies], names, ridge) if names else None
        return cls(model=model, varies=varies, baseline=breslow(follow_up, np.zeros(follow_up.n)))

    def risk(self, x: Floats) -> Floats:
        return np.zeros(len(x)) if self.model is None else self.model.log_risk(x[:, self.varies])

    def survival(self, x: Floats, times: Floats) -> Floats:
        if self.model is not None:
            return self.model.survival(x[:, self.varies], times)
        return np.tile(np.exp(-stepped(*self.baseline, times, 0.0)), (len(x), 1))


def _inner_folds(follow_up: FollowUp, generator: np.random.Generator) -> NDArray[np.int64]:
    """Of each patient; events are spread evenly."""
    inner = np.empty(follow_up.n, np.int64)
    for event in (True, False):
        rows = generator.permutation(np.flatnonzero(follow_up.events == event))
        inner[rows] = np.arange(len(rows)) % INNER_FOLDS
    return inner


def _chosen_ridge(follow_up: FollowUp, x: Floats, inner: NDArray[np.int64]) -> tuple[float, float]:
    """The ridge with the best cross-validated partial likelihood (Verweij, van Houwelingen 1993), and its C there."""
    likelihood, concordance = np.zeros(len(RIDGES)), np.zeros((len(RIDGES), INNER_FOLDS))
    for fold in range(INNER_FOLDS):
        used, held_out = np.flatnonzero(inner != fold), np.flatnonzero(inner == fold)
        some, others = follow_up.of(used), follow_up.of(held_out)
        for place, ridge in enumerate(RIDGES):
            risk = _Fitted.to(some, x[used], ridge).risk(x)
            likelihood[place] += partial_log_likelihood(follow_up, risk) - partial_log_likelihood(some, risk[used])
            concordance[place, fold] = harrell_c(others, risk[held_out])
    best = len(RIDGES) - 1 - int(likelihood[::-1].argmax())
    known = concordance[best][~np.isnan(concordance[best])]
    return RIDGES[best], float(known.mean()) if known.size else math.nan


def _scores(told: Mapping[Key, _Risks], follow_up: FollowUp, times: Floats, counts: Floats) -> list[dict[str, Any]]:
    values = {key: concordance_within(follow_up, np.concatenate(one.risk))(counts) for key, one in told.items()}
    clinical = next((found for key, found in values.items() if key[0] == CLINICAL), None)
    rows = []
    for key, one in told.items():
        chance = [harrell_c(follow_up, risk) for risk in np.concatenate(one.permuted, axis=1)]
        low, high = percentiles(values[key][1:])
        row = {
            "harrell_c": float(values[key][0]),
            "low": low,
            "high": high,
            "uno_c": uno_c(follow_up, follow_up, np.concatenate(one.risk), float(times[-1]))
            if times.size
            else math.nan,
            "integrated_brier": (
                integrated_brier(follow_up, follow_up, np.concatenate(one.survival), times) if times.size else math.nan
            ),
            "until_days": float(times[-1]) if times.size else math.nan,
            "permuted": float(np.mean(chance)),
            "permuted_sd": float(np.std(chance, ddof=1)),
            "permutations": len(chance),
            "inner_c": float(np.mean(one.inner)),
            "lacking": one.lacking,
        }
        if clinical is not None and key[0] != CLINICAL:
            difference = values[key] - clinical
            low, high = percentiles(difference[1:])
            row |= {"minus_clinical": float(difference[0]), "minus_low": low, "minus_high": high}
        rows.append({**named(key), **row})
    return rows


def _times(follow_up: FollowUp, last: float) -> Floats:
    """The times that the Brier score is averaged over: from the first event on; none where they are too close."""
    first = follow_up.times[follow_up.events].min()
    end = min(float(np.quantile(follow_up.times, LATE)), last)
    at: Floats = np.linspace(first, end, TIMES) if first < end < follow_up.times.max() else np.empty(0)
    return at


def _followed(place: FoldFeatures, rows: Rows, endpoint: Endpoint) -> Rows:
    return np.array([row for row in rows if place.patients[row] in endpoint.of], np.int64)


def _follow_up(patients: Sequence[str], endpoint: Endpoint, where: str) -> FollowUp:
    if not patients:
        raise BadInputError(f"{where}: no patient has a time and an event, expected some")
    known = [endpoint.of[patient] for patient in patients]
    return follow_up_of([time for time, _ in known], [event for _, event in known], where)
