import numpy as np
import pytest

from mgi.probes.logistic import fit_logistic, predict_logistic


def drawn(seed: int = 0, n: int = 60, r: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, r))
    return x, (x[:, 0] + rng.normal(size=n) > 0.3).astype(float)


@pytest.mark.parametrize("ridge", [1.0, 100.0])
def test_coefficients_are_those_of_scikit_learn(ridge: float) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    x, y = drawn()
    weights = np.where(y == 1, len(y) / (2 * y.sum()), len(y) / (2 * (1 - y).sum()))
    beta = fit_logistic(x[None], y[None, None], weights[None, None], np.array([[ridge]]))
    model = linear.LogisticRegression(C=1 / ridge, class_weight="balanced", tol=1e-10, max_iter=10_000).fit(x, y)
    assert beta[0, 0] == pytest.approx([*model.coef_[0], model.intercept_[0]], abs=1e-5)
    assert predict_logistic(x[None], beta)[0, 0] == pytest.approx(model.predict_proba(x)[:, 1], abs=1e-5)


def test_problems_side_by_side_are_each_as_alone() -> None:
    pairs = [drawn(0), drawn(1)]
    x, y = np.stack([one for one, _ in pairs]), np.stack([two for _, two in pairs])
    labels = np.stack([y, 1 - y], axis=1)
    weights, ridge = np.ones(labels.shape), np.array([[1.0, 10.0], [100.0, 1.0]])
    together = fit_logistic(x, labels, weights, ridge)
    for draw in (0, 1):
        for problem in (0, 1):
            own = slice(draw, draw + 1), slice(problem, problem + 1)
            alone = fit_logistic(x[own[0]], labels[own], weights[own], ridge[own])
            assert together[draw, problem] == pytest.approx(alone[0, 0], abs=1e-5)


def test_a_patient_of_weight_0_changes_nothing() -> None:
    x, y = drawn()
    weights = np.ones((1, 1, len(y)))
    weights[0, 0, 0] = 0
    with_it = fit_logistic(x[None], y[None, None], weights, np.array([[1.0]]))
    without = fit_logistic(x[None, 1:], y[None, None, 1:], weights[..., 1:], np.array([[1.0]]))
    assert with_it == pytest.approx(without, abs=1e-7)


def test_separated_classes_have_finite_coefficients() -> None:
    x = np.repeat([[-1.0], [1.0]], 20, axis=0)[None]
    y = np.repeat([0.0, 1.0], 20)[None, None]
    beta = fit_logistic(x, y, np.ones(y.shape), np.array([[0.01]]))
    gradient = ((predict_logistic(x, beta) - y) @ x[0])[0, 0] + 0.01 * beta[0, 0, :1]
    assert gradient == pytest.approx([0.0], abs=1e-6)
