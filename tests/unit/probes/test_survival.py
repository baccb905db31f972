import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.evaluation.concordance import harrell_c
from mgi.evaluation.follow_up import follow_up_of
from mgi.probes.classification import FoldFeatures, Told
from mgi.probes.features import feature_set
from mgi.probes.settings import ProbeSettings
from mgi.probes.survival import Endpoint, _chosen_ridge, _inner_folds, probe_survival

SETTINGS = ProbeSettings(bootstrap_draws=200)
PATIENTS = [f"p{number:02}" for number in range(90)]
RNG = np.random.default_rng(0)
RISK = RNG.normal(size=90)
TIMES = RNG.exponential(size=90) * np.exp(-2 * RISK) * 100 + 1
EVENTS = RNG.random(90) < 0.7
ENDPOINT = Endpoint(
    name="OS", of={one: (time, bool(event)) for one, time, event in zip(PATIENTS, TIMES, EVENTS, strict=True)}
)


def folds() -> list[FoldFeatures]:
    noise = np.random.default_rng(1).normal(size=(90, 3))
    sets = [
        feature_set("told", RISK[:, None]), feature_set("noise", noise), feature_set("clinical", noise[:, :1]),
        feature_set("wide", np.random.default_rng(2).normal(size=(90, 120))),
    ]  # fmt: skip
    return [
        FoldFeatures(fold=fold, patients=PATIENTS, test=test, training=np.setdiff1d(np.arange(90), test), sets=sets)
        for fold, test in ((0, np.arange(30)), (1, np.arange(30, 60)))
    ]


@pytest.fixture(scope="module")
def told() -> Told:
    return probe_survival(ENDPOINT, "paired", folds(), SETTINGS)


def by_features(told: Told) -> dict[str, dict]:
    return {row["features"]: row for row in told.scores}


def test_the_true_risk_ranks_patients_and_noise_does_not(told: Told) -> None:
    rows = by_features(told)
    assert rows["told"]["harrell_c"] > 0.75
    assert rows["told"]["uno_c"] > 0.7
    assert rows["told"]["low"] > 0.6
    assert rows["noise"]["low"] < 0.5 < rows["noise"]["high"]
    assert rows["told"]["integrated_brier"] < rows["noise"]["integrated_brier"]
    assert rows["told"]["inner_c"] > rows["noise"]["inner_c"]


def test_permuted_follow_up_is_chance_for_every_set(told: Told) -> None:
    for row in told.scores:
        assert row["permutations"] == 20
        assert abs(row["permuted"] - 0.5) < 0.08


def test_the_difference_to_clinical_is_of_the_same_patients(told: Told) -> None:
    rows = by_features(told)
    difference = rows["told"]["harrell_c"] - rows["clinical"]["harrell_c"]
    assert rows["told"]["minus_clinical"] == pytest.approx(difference)
    assert rows["told"]["minus_low"] < difference < rows["told"]["minus_high"]
    assert "minus_clinical" not in rows["clinical"]
    assert {(row["n"], row["events"]) for row in told.scores} == {(60, int(EVENTS[:60].sum()))}


def test_predictions_are_the_risks_that_were_scored(told: Told) -> None:
    own = [row for row in told.predictions if row["features"] == "told"]
    assert [row["patient_id"] for row in own] == PATIENTS[:60]
    follow_up = follow_up_of([row["time_days"] for row in own], [row["event"] for row in own])
    found = harrell_c(follow_up, [row["prediction"] for row in own])
    assert found == pytest.approx(by_features(told)["told"]["harrell_c"])


def test_noise_is_given_a_large_ridge() -> None:
    follow_up = follow_up_of(TIMES, EVENTS)
    inner = _inner_folds(follow_up, np.random.default_rng(0))
    signal, _ = _chosen_ridge(follow_up, RISK[:, None], inner)
    noise, _ = _chosen_ridge(follow_up, np.random.default_rng(2).normal(size=(90, 60)), inner)
    assert signal < noise


def test_a_fold_without_events_is_refused_by_name() -> None:
    none = {one: (time, False if one >= "p30" else event) for one, (time, event) in ENDPOINT.of.items()}
    with pytest.raises(BadInputError, match="probe: OS: paired: training of fold 0: event: all 60 patients are cens"):
        probe_survival(Endpoint(name="OS", of=none), "paired", folds()[:1], SETTINGS)
    few = dict(none) | {"p40": (3.0, True)}
    with pytest.raises(BadInputError, match="OS: paired: fold 0 learns from 1 events, expected 3 at least"):
        probe_survival(Endpoint(name="OS", of=few), "paired", folds()[:1], SETTINGS)


def test_a_test_without_events_is_refused() -> None:
    none = {one: (time, event and one >= "p30") for one, (time, event) in ENDPOINT.of.items()}
    with pytest.raises(BadInputError, match="probe: OS: paired: test: event: all 30 patients are censored"):
        probe_survival(Endpoint(name="OS", of=none), "paired", folds()[:1], SETTINGS)


def test_features_that_nobody_has_rank_nobody() -> None:
    place = folds()[0]
    nothing = [feature_set("clinical", np.full((90, 2), np.nan)), place.sets[0]]
    own = FoldFeatures(fold=0, patients=PATIENTS, test=place.test, training=place.training, sets=nothing)
    told = by_features(probe_survival(ENDPOINT, "paired", [own], SETTINGS))
    assert told["clinical"]["harrell_c"] == 0.5
    assert told["clinical"]["lacking"] == 30
    assert 0 < told["clinical"]["integrated_brier"] < 0.3
    assert told["told"]["minus_clinical"] == pytest.approx(told["told"]["harrell_c"] - 0.5)


def test_where_follow_up_is_too_short_there_is_no_brier_score() -> None:
    late = {
        one: (100.0 if number < 30 else time, event) for number, (one, (time, event)) in enumerate(ENDPOINT.of.items())
    }
    told = by_features(probe_survival(Endpoint(name="OS", of=late), "paired", folds()[:1], SETTINGS))
    assert np.isnan(told["told"]["integrated_brier"])
    assert np.isnan(told["told"]["until_days"])
