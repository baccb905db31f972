"""Classifiers of patients by their features: logistic regression with a ridge, and the nearest neighbours' votes.

B draws, n patients of a draw, r features, t patients of the test, K classes, P permutations a draw.
Both learn classes as if they were equally frequent, so their probabilities are those of balanced classes.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mgi.probes.draws import INNER_FOLDS, Draws, Numbers
from mgi.probes.logistic import fit_logistic, predict_logistic

Floats = NDArray[np.float64]
RIDGES = (1.0, 10.0, 100.0, 1000.0)
"""Penalties to choose from by inner folds; features have a deviation of 1."""
LOGISTIC, NEIGHBOURS = "logistic", "neighbours"

Predicted = tuple[Floats, Floats]
"""Probabilities by the true labels (B, t, K), and by permuted ones (B P, t, K)."""
Classifier = Callable[[Floats, Floats, Numbers, Draws], Predicted]


def classifiers(neighbours: int) -> Mapping[str, Classifier]:
    """By name, all that are asked."""
    return {LOGISTIC: logistic, NEIGHBOURS: partial(nearest, neighbours)}


def logistic(training: Floats, test: Floats, classes: Numbers, draws: Draws) -> Predicted:
    """One class against the rest; the ridge of each draw by inner folds of its true labels, for permuted ones too."""
    x, tested = _turned(training[draws.rows], test)
    labels = np.concatenate([classes[draws.rows][:, None], draws.permuted], axis=1)  # B 1+P n
    among = np.arange(classes.max() + 1)
    asked = among[1:] if among.size == 2 else among
    ridge = _chosen_ridge(x, _one_hot(labels[:, 0], asked), draws.inner)
    y = _one_hot(labels, asked)  # B 1+P k n
    sets, several, k, n = y.shape
    y = y.reshape(sets, several * k, n)
    beta = fit_logistic(x, y, _balanced(y, np.ones(y.shape)), np.repeat(ridge[:, None], several * k, axis=1))
    found = predict_logistic(tested, beta).reshape(sets, several, k, -1).transpose(0, 1, 3, 2)  # B 1+P t k
    if among.size == 2:
        found = np.concatenate([1 - found, found], axis=3)
    return _apart(found / found.sum(axis=3, keepdims=True))


def nearest(neighbours: int, training: Floats, test: Floats, classes: Numbers, draws: Draws) -> Predicted:
    """Votes of the nearest patients of a draw, each weighed by how few there are of its class."""
    square = (test**2).sum(axis=1)[:, None] + (training**2).sum(axis=1) - 2 * test @ training.T  # t, all
    count = max(1, min(neighbours, draws.rows.shape[1] // 3))
    labels = np.concatenate([classes[draws.rows][:, None], draws.permuted], axis=1)  # B 1+P n
    among = np.arange(classes.max() + 1)
    found = []
    for rows, own in zip(draws.rows, labels, strict=True):
        near = np.argsort(square[:, rows], axis=1, kind="stable")[:, :count]  # t count
        frequent = np.maximum((own[:, :, None] == among).sum(axis=1), 1)  # 1+P K
        votes = (own[:, near][..., None] == among).sum(axis=2) / frequent[:, None]  # 1+P t K
        found.append(votes / votes.sum(axis=2, keepdims=True))
    return _apart(np.stack(found))


def _apart(found: Floats) -> Predicted:
    """Probabilities (B, 1 + P, t, K) by true labels and by permuted ones."""
    permuted = found[:, 1:]
    return found[:, 0], permuted.reshape(-1, *permuted.shape[2:])


def _turned(x: Floats, test: Floats) -> tuple[Floats, Floats]:
    """Features (B, n, r) and those of the test (B, t, r), on no more axes than a draw has patients."""
    if x.shape[2] <= x.shape[1]:
        return x, np.broadcast_to(test, (len(x), *test.shape))
    _, _, axes = np.linalg.svd(x, full_matrices=False)
    turned = axes.transpose(0, 2, 1)
    return x @ turned, test @ turned


def _one_hot(labels: Numbers, among: Numbers) -> Floats:
    """Labels (..., n) as 0 and 1 (..., k, n)."""
    found: Floats = (labels[..., None, :] == among[:, None]).astype(np.float64)
    return found


def _balanced(y: Floats, used: Floats) -> Floats:
    """Weights (..., n) by which both labels count alike among those `used`, and as much as all of them together."""
    weights = np.zeros(y.shape)
    for label in (0.0, 1.0):
        own = used * (y == label)
        weights += own * used.sum(axis=-1, keepdims=True) / np.maximum(2 * own.sum(axis=-1, keepdims=True), 1)
    return weights


def _chosen_ridge(x: Floats, y: Floats, inner: Numbers) -> Floats:
    """The ridge (B,) with the least log loss of patients held out, over all classes (B, k, n); of equals the larger."""
    sets, k, n = y.shape
    held_out = (inner[:, None] == np.arange(INNER_FOLDS)[:, None]).astype(np.float64)  # B F n
    shape = (sets, len(RIDGES), INNER_FOLDS, k, n)
    labels = np.broadcast_to(y[:, None, None], shape).reshape(sets, -1, n)
    out = np.broadcast_to(held_out[:, None, :, None], shape).reshape(sets, -1, n)
    ridge = np.broadcast_to(np.array(RIDGES)[:, None, None], shape[1:4]).reshape(-1)
    beta = fit_logistic(x, labels, _balanced(labels, 1 - out), np.broadcast_to(ridge, (sets, ridge.size)))
    score = np.clip(predict_logistic(x, beta), 1e-12, 1 - 1e-12)
    loss = -(labels * np.log(score) + (1 - labels) * np.log(1 - score)) * _balanced(labels, out)
    total = loss.reshape(shape).sum(axis=(2, 3, 4))  # B R
    chosen: Floats = np.array(RIDGES)[::-1][total[:, ::-1].argmin(axis=1)]
    return chosen
