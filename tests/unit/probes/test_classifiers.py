import numpy as np
import pytest

from mgi.probes.classifiers import RIDGES, _chosen_ridge, _one_hot, logistic, nearest
from mgi.probes.draws import Draws, draw_labelled


def problem(classes: int = 3, r: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray, Draws]:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % classes
    x = rng.normal(size=(60, r)) + 3 * np.eye(classes, r)[labels]
    return x, labels, x[:9] + 0.01, draw_labelled(labels, 8, 3, 21, rng)


@pytest.mark.parametrize("classify", [logistic, lambda *given: nearest(5, *given)])
@pytest.mark.parametrize(("classes", "r"), [(2, 6), (3, 6), (3, 80)])
def test_probabilities_sum_to_1_and_only_true_labels_tell_the_class(classify, classes: int, r: int) -> None:
    x, labels, test, draws = problem(classes, r)
    true, permuted = classify(x, test, labels, draws)
    assert (true.shape, permuted.shape) == ((3, 9, classes), (21, 9, classes))
    for found in (true, permuted):
        assert found.sum(axis=2) == pytest.approx(np.ones(found.shape[:2]))
    right = (true.argmax(axis=2) == labels[:9]).mean()
    assert right > (permuted.argmax(axis=2) == labels[:9]).mean() + 0.2
    if r < 10:
        assert right > 0.9


def test_the_vote_of_a_rare_class_weighs_more() -> None:
    training, test = np.array([[0.0], [0.1], [0.2], [5.0], [6.0], [7.0]]), np.array([[0.0]])
    classes = np.array([0, 1, 0, 0, 0, 0])
    draws = Draws(rows=np.arange(6)[None], inner=np.zeros((1, 6), int), permuted=classes[None, None])
    true, permuted = nearest(2, training, test, classes, draws)
    assert true[0, 0] == pytest.approx([(1 / 5) / (1 / 5 + 1), 1 / (1 / 5 + 1)])
    assert (permuted == true).all()


def test_noise_is_given_the_largest_ridge_and_a_strong_signal_a_small_one() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 2
    noise = rng.normal(size=(60, 30))
    signal = np.concatenate([noise[:, :1] * 0.1 + labels[:, None] * 4, noise[:, 1:2]], axis=1)
    inner = (np.arange(60) // 2 % 3)[None]
    y = _one_hot(labels[None], np.array([1]))
    assert _chosen_ridge(noise[None], y, inner)[0] == max(RIDGES)
    assert _chosen_ridge(signal[None], y, inner)[0] == min(RIDGES)


def test_who_is_not_drawn_changes_nothing() -> None:
    x, labels, test, draws = problem()
    kept, _ = logistic(x, test, labels, draws)
    out = sorted(set(range(60)) - set(draws.rows[0]))
    changed = x.copy()
    changed[out] = 100
    again, _ = logistic(changed, test, labels, draws)
    assert again[0] == pytest.approx(kept[0])
