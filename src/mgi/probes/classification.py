"""Class labels told by sets of features: learned from a fold's training patients, scored on its test patients."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.evaluation.classification import auc, balanced_accuracy, calibration_error
from mgi.evaluation.cohort_scores import Statistic, resamplings
from mgi.evaluation.intervals import percentiles
from mgi.probes.classifiers import LOGISTIC, Predicted, classifiers
from mgi.probes.draws import Numbers, draw_labelled
from mgi.probes.features import FeatureSet, Rows, standardised
from mgi.probes.settings import ProbeSettings

Floats = NDArray[np.float64]
ALL = "all"
"""What the tables say in place of a number of labelled patients of each class where all are learned from."""
Key = tuple[str, str | None, int | None]


@dataclass(frozen=True, kw_only=True)
class FoldFeatures:
    """Patients (P,) of one fold with all their sets of features; rows of those it learns from and of those it tests."""

    fold: int
    patients: Sequence[str]
    training: Rows
    test: Rows
    sets: Sequence[FeatureSet]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A class label: the class of each patient as a number into `classes`, which are sorted."""

    name: str
    classes: tuple[str, ...]
    of: Mapping[str, int]


@dataclass(kw_only=True)
class _Told:
    """What one classifier told of the test patients of all folds, fold after fold."""

    folds: list[Predicted] = field(default_factory=list)
    shares: list[Floats] = field(default_factory=list)
    lacking: int = 0

    def true(self) -> Floats:
        return np.concatenate([true for true, _ in self.folds], axis=1)

    def permuted(self) -> Floats:
        return np.concatenate([permuted for _, permuted in self.folds], axis=1)


@dataclass(frozen=True, kw_only=True)
class Told:
    """Rows of the table of scores and of the table of predictions out of fold."""

    scores: list[dict[str, Any]]
    predictions: list[dict[str, Any]]


def probe_classes(target: Target, table: str, folds: Sequence[FoldFeatures], settings: ProbeSettings) -> Told:
    """Scores of every set, classifier and number of labelled patients, all on the same test patients.

    Raises BadInputError where a fold learns from patients of fewer classes than there are, or nobody is tested.
    """
    told: dict[tuple[Key, str, str], _Told] = {}
    truths, patients, numbers = [], [], []
    for place in folds:
        training, test = (_labelled(place, rows, target) for rows in (place.training, place.test))
        if not test.size:
            continue
        classes = _classes(place, training, target)
        _require_all_classes(target, table, place.fold, classes)
        truths.append(_classes(place, test, target))
        patients += [place.patients[row] for row in test]
        numbers += [place.fold] * len(test)
        _probe_fold(told, place, training, test, classes, settings)
    if not truths:
        raise BadInputError(f"probe: {target.name}: {table}: no test patient has this label, expected some")
    truth = np.concatenate(truths)
    counts = resamplings(len(truth), settings.bootstrap_draws, settings.seed)
    common = {"target": target.name, "table": table, "n": len(truth), "classes": _counted(target, truth)}
    by_fold = np.array(numbers)
    scores = [
        {
            **common,
            **named(key),
            "classifier": classifier,
            "labelled": labelled,
            **_scored(one, truth, counts, by_fold),
        }
        for (key, classifier, labelled), one in told.items()
    ]
    predictions = [
        {"target": target.name, "table": table, **named(key), "patient_id": patient, "fold": fold,
         "class": name, "prediction": float(value), "truth": target.classes[own]}
        for (key, classifier, labelled), one in told.items() if (classifier, labelled) == (LOGISTIC, ALL)
        for patient, fold, own, row in zip(patients, numbers, truth, one.true()[0], strict=True)
        for name, value in zip(target.classes, row, strict=True)
    ]  # fmt: skip
    return Told(scores=scores, predictions=predictions)


def _probe_fold(
    told: dict[tuple[Key, str, str], _Told],
    place: FoldFeatures,
    training: Rows,
    test: Rows,
    classes: Numbers,
    settings: ProbeSettings,
) -> None:
    """Add what every classifier tells of a fold's test patients; the draws are the same for all sets of features."""
    generator = np.random.default_rng([settings.seed, place.fold])
    per_class: list[int | None] = [one for one in settings.labelled if one < np.bincount(classes).max()]
    draws = {
        str(one or ALL): draw_labelled(classes, one, settings.draws, settings.permutations, generator)
        for one in (*per_class, None)
    }
    shares = np.broadcast_to(np.bincount(classes) / len(classes), (len(test), classes.max() + 1))
    for own in place.sets:
        features = standardised(own, training, test)
        lacking = int(np.isnan(own.tested_on[test]).any(axis=1).sum())
        for name, classify in classifiers(settings.neighbours).items():
            for labelled, drawn in draws.items():
                one = told.setdefault((own.key, name, labelled), _Told())
                true, permuted = classify(*features, classes, drawn)
                order = np.random.default_rng([settings.seed, place.fold, 2]).permuted(
                    np.tile(np.arange(len(test)), (len(permuted), 1)), axis=1
                )  # labels of the test are permuted too, which is the same as this: nothing is left of them
                one.folds.append((true, np.take_along_axis(permuted, order[:, :, None], axis=1)))
                one.shares.append(shares)
                one.lacking += lacking


def _scored(told: _Told, truth: Numbers, counts: Floats, folds: Numbers) -> dict[str, Any]:
    """The row of scores; probabilities are of several draws (draws, n, K), and `counts` those of the intervals."""
    true = told.true()
    values = _areas(true, truth)(counts)
    low, high = percentiles(values[1:])
    permuted = told.permuted()
    once = counts[:1]
    chance = np.array([_areas(one, truth)(once)[0] for one in permuted])
    several = [_areas(one, truth)(once)[0] for one in true]
    return {
        "draws": len(true),
        "auc": float(values[0]),
        "low": low,
        "high": high,
        "auc_sd": float(np.std(several, ddof=1)) if len(several) > 1 else math.nan,
        "auc_within": _within(truth, true, folds),
        "balanced_accuracy": float(balanced_accuracy(true, truth)(once)[0]),
        "calibration_error": float(calibration_error(_as_frequent(true, told.shares), truth)(once)[0]),
        "permuted": float(chance.mean()),
        "permuted_sd": float(chance.std(ddof=1)),
        "permutations": len(permuted),
        "lacking": told.lacking,
    }


def _areas(probability: Floats, truth: Numbers) -> Statistic:
    """The area over all classes that were learned: not defined where one has no patient."""
    return auc(probability, truth, range(probability.shape[-1]))


def _as_frequent(probability: Floats, shares: Sequence[Floats]) -> Floats:
    """Classes were learned as if they were equally frequent: their shares of training (n, K) are put back."""
    weighted = probability * np.concatenate(shares)
    found: Floats = weighted / weighted.sum(axis=-1, keepdims=True)
    return found


def _within(truth: Numbers, probability: Floats, folds: Numbers) -> float:
    """The mean over folds, by patients; one in whose test a class is missing is left out."""
    values, sizes = [], []
    for fold in np.unique(folds):
        own = np.flatnonzero(folds == fold)
        value = _areas(probability[:, own], truth[own])(np.ones((1, own.size)))[0]
        if not math.isnan(value):
            values.append(value)
            sizes.append(own.size)
    return float(np.average(values, weights=sizes)) if values else math.nan


def _labelled(place: FoldFeatures, rows: Rows, target: Target) -> Rows:
    return np.array([row for row in rows if place.patients[row] in target.of], np.int64)


def _classes(place: FoldFeatures, rows: Rows, target: Target) -> Numbers:
    return np.array([target.of[place.patients[row]] for row in rows], np.int64)


def _require_all_classes(target: Target, table: str, fold: int, classes: Numbers) -> None:
    found = np.bincount(classes, minlength=len(target.classes))
    for name, count in zip(target.classes, found, strict=True):
        if count < 2:
            raise BadInputError(
                f"probe: {target.name}: {table}: fold {fold} learns from {count} patients of class {name!r}, "
                "expected 2 at least; leave the label out of probe.targets, or raise probe.smallest_class"
            )


def _counted(target: Target, truth: Numbers) -> str:
    counts = np.bincount(truth, minlength=len(target.classes))
    return "; ".join(f"{name} {count}" for name, count in zip(target.classes, counts, strict=True))


def named(key: Key) -> dict[str, Any]:
    """A set's name and run as columns."""
    return dict(zip(("features", "pretraining", "run_seed"), key, strict=True))
