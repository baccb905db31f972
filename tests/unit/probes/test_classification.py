import math

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.evaluation.classification import calibration_error
from mgi.probes.classification import FoldFeatures, Target, Told, _as_frequent, probe_classes
from mgi.probes.features import feature_set
from mgi.probes.settings import ProbeSettings

SETTINGS = ProbeSettings(labelled=(5,), draws=3, bootstrap_draws=200)
PATIENTS = [f"p{number:02}" for number in range(60)]
LABELS = np.arange(60) % 2
TARGET = Target(name="idh", classes=("a", "b"), of=dict(zip(PATIENTS, LABELS.tolist(), strict=True)))


def folds(test_of: dict[int, np.ndarray] | None = None) -> list[FoldFeatures]:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 4))
    told = noise + 4 * LABELS[:, None]
    missing = told.copy()
    missing[[0, 1]] = np.nan
    sets = [feature_set("told", told), feature_set("noise", noise), feature_set("missing", missing)]
    place = test_of or {0: np.arange(20), 1: np.arange(20, 40)}
    return [
        FoldFeatures(
            fold=fold, patients=PATIENTS, test=test, training=np.setdiff1d(np.arange(60), test), sets=sets
        )
        for fold, test in place.items()
    ]  # fmt: skip


@pytest.fixture(scope="module")
def told() -> Told:
    return probe_classes(TARGET, "paired", folds(), SETTINGS)


def scores_of(told: Told, **wanted: str) -> list[dict]:
    return [row for row in told.scores if all(row[name] == value for name, value in wanted.items())]


def test_a_set_that_tells_the_class_scores_1_and_noise_about_a_half(told: Told) -> None:
    for classifier in ("logistic", "neighbours"):
        (best,) = scores_of(told, features="told", classifier=classifier, labelled="all")
        (noise,) = scores_of(told, features="noise", classifier=classifier, labelled="all")
        assert best["auc"] > 0.99
        assert best["balanced_accuracy"] > 0.9
        assert noise["low"] < 0.5 < noise["high"]


def test_permuted_labels_score_a_half_whatever_the_features(told: Told) -> None:
    for row in told.scores:
        assert row["permutations"] >= 20
        assert abs(row["permuted"] - 0.5) < 0.1
        assert 0 < row["permuted_sd"] < 0.25


def test_all_rows_score_the_same_patients_and_say_how_many(told: Told) -> None:
    assert {(row["n"], row["classes"]) for row in told.scores} == {(40, "a 20; b 20")}
    assert {(row["labelled"], row["draws"]) for row in told.scores} == {("5", 3), ("all", 1)}
    assert {row["features"]: row["lacking"] for row in told.scores} == {"told": 0, "noise": 0, "missing": 2}


def test_each_test_patient_is_predicted_once_by_the_fold_that_did_not_learn_from_it(told: Told) -> None:
    own = [row for row in told.predictions if row["features"] == "told"]
    assert [(row["patient_id"], row["fold"]) for row in own if row["class"] == "a"] == [
        (PATIENTS[row], row // 20) for row in range(40)
    ]
    assert {row["truth"] for row in own} == {"a", "b"}


def test_a_test_patients_own_label_does_not_reach_its_prediction() -> None:
    flipped = Target(name="idh", classes=("a", "b"), of=TARGET.of | {"p00": 1 - TARGET.of["p00"]})
    one, two = (probe_classes(target, "paired", folds()[:1], SETTINGS) for target in (TARGET, flipped))
    assert [row["prediction"] for row in one.predictions] == [row["prediction"] for row in two.predictions]


def test_a_fold_whose_test_lacks_a_class_is_pooled_and_left_out_within_folds() -> None:
    evens = np.arange(0, 20, 2)
    told = probe_classes(TARGET, "paired", folds({0: evens, 1: np.arange(20, 40)}), SETTINGS)
    alone = probe_classes(TARGET, "paired", folds({1: np.arange(20, 40)}), SETTINGS)
    (row,), (own,) = (scores_of(one, features="noise", classifier="logistic", labelled="all") for one in (told, alone))
    assert row["n"] == 30
    assert row["auc_within"] == pytest.approx(own["auc"])
    assert not math.isnan(row["auc"])


def test_a_fold_that_learns_from_one_class_is_refused_by_name() -> None:
    learned = [row for row in range(20, 60) if LABELS[row] == 0]
    own = folds()[0]
    poor = FoldFeatures(fold=3, patients=PATIENTS, test=own.test, training=np.array(learned), sets=own.sets)
    with pytest.raises(BadInputError, match="idh: paired: fold 3 learns from 0 patients of class 'b', expected 2"):
        probe_classes(TARGET, "paired", [poor], SETTINGS)


def test_labels_of_nobody_in_the_test_are_refused() -> None:
    of = {patient: value for patient, value in TARGET.of.items() if patient >= "p40"}
    with pytest.raises(BadInputError, match="idh: paired: no test patient has this label"):
        probe_classes(Target(name="idh", classes=("a", "b"), of=of), "paired", folds(), SETTINGS)


def test_the_same_again_gives_the_same(told: Told) -> None:
    again = probe_classes(TARGET, "paired", folds(), SETTINGS)
    assert repr(again.scores) == repr(told.scores)


def test_the_calibration_error_is_that_of_the_classes_as_frequent_as_in_training() -> None:
    truth = np.array([0, 0, 0, 1])
    for share, expected in (([0.75, 0.25], 0.0), ([0.5, 0.5], 0.25)):
        told = _as_frequent(np.full((1, 4, 2), 0.5), [np.tile(share, (2, 1))] * 2)
        assert calibration_error(told, truth)(np.ones((1, 4)))[0] == pytest.approx(expected)
