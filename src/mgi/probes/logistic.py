"""Logistic regression with a ridge, many problems at a time: Newton's method on stacked matrices.

B sets of patients, n patients, r features, m problems on the features of a set (classes, permutations, inner folds).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
STEPS = 50
_SMALL_STEP = 1e-6
_ROUNDING = 1e-12  # of the loss, by which a step at the bottom may seem to raise it
_HALVINGS = 12


def fit_logistic(x: Floats, y: Floats, weights: Floats, ridge: Floats) -> Floats:
    """Coefficients (B, m, r + 1), the intercept last, that minimise the weighted log loss plus ridge / 2 |b|^2.

    Features (B, n, r), labels of 0 and 1 (B, m, n), weights (B, m, n), of which 0 leaves a patient out, and `ridge`
    (B, m), above 0. The intercept is not penalised.
    """
    sets, n, r = x.shape
    design = np.concatenate([x, np.ones((sets, n, 1))], axis=2)  # B n r+1
    penalty = ridge[..., None] * np.append(np.ones(r), 0)  # B m r+1
    # The least that keeps the equations of a problem solvable where all probabilities are 0 or 1.
    diagonal = np.eye(r + 1) * np.maximum(penalty, 1e-9)[..., None, :]  # B m r+1 r+1
    beta = np.zeros((sets, y.shape[1], r + 1))
    loss = _loss(design, y, weights, penalty, beta)
    for _ in range(STEPS):
        share = expit(beta @ design.transpose(0, 2, 1))  # B m n
        gradient = (weights * (share - y)) @ design + penalty * beta
        curvature = weights * share * (1 - share)
        hessian = design.transpose(0, 2, 1)[:, None] @ (curvature[..., None] * design[:, None]) + diagonal
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        size = np.ones(loss.shape)
        for _ in range(_HALVINGS):
            tried = beta - size[..., None] * step
            now = _loss(design, y, weights, penalty, tried)
            worse = now > loss * (1 + _ROUNDING)
            if not worse.any():
                break
            size[worse] /= 2
        moved = np.abs(tried - beta)[~worse].max(initial=0)
        beta, loss = np.where(worse[..., None], beta, tried), np.where(worse, loss, now)
        if moved < _SMALL_STEP:
            break
    return beta


def predict_logistic(x: Floats, beta: Floats) -> Floats:
    """Probabilities (B, m, n) of features (B, n, r)."""
    probability: Floats = expit(beta[..., :-1] @ x.transpose(0, 2, 1) + beta[..., -1:])
    return probability


def _loss(design: Floats, y: Floats, weights: Floats, penalty: Floats, beta: Floats) -> Floats:
    """What is minimised, of each problem (B, m)."""
    score = beta @ design.transpose(0, 2, 1)
    loss: Floats = (weights * (np.logaddexp(0, score) - y * score)).sum(axis=2) + (penalty * beta**2).sum(axis=2) / 2
    return loss
