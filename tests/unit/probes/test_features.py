import numpy as np
import pytest

from mgi.probes.features import beside, clinical, components, feature_set, standardised

TRAINING, TEST = np.arange(6), np.arange(6, 9)


def drawn(columns: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(3, 2, (9, columns))


def test_the_scale_is_that_of_training_alone() -> None:
    values = drawn()
    trained, tested = standardised(feature_set("x", values), TRAINING, TEST)
    assert trained.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-12)
    assert trained.std(axis=0) == pytest.approx(np.ones(4))
    changed = values.copy()
    changed[8] = 1000
    again, other = standardised(feature_set("x", changed), TRAINING, TEST)
    assert (again == trained).all()
    assert (other[:2] == tested[:2]).all()


def test_what_is_missing_is_the_training_mean_and_what_is_constant_is_left_out() -> None:
    values = drawn()
    values[:, 1] = 7
    values[0, 0] = values[7, 2] = np.nan
    trained, tested = standardised(feature_set("x", values), TRAINING, TEST)
    assert trained.shape == (6, 3)
    assert trained[0, 0] == 0
    assert tested[1, 1] == 0
    assert trained[1:, 0].mean() == pytest.approx(0)


def test_a_column_that_nobody_of_training_has_is_left_out() -> None:
    values = drawn(2)
    values[TRAINING, 1] = np.nan
    assert standardised(feature_set("x", values), TRAINING, TEST)[1].shape == (3, 1)


def test_components_are_those_of_scikit_learn_by_training_alone() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    values = np.random.default_rng(1).normal(size=(20, 50)) * np.arange(1, 51)
    training = np.arange(15)
    found = components(values, training, 3, 30)
    own = values[:, 20:]
    scaled = (own - own[training].mean(axis=0)) / own[training].std(axis=0)
    expected = decomposition.PCA(3, svd_solver="full").fit(scaled[training]).transform(scaled)
    signs = np.sign((found * expected).sum(axis=0))
    assert found * signs == pytest.approx(expected, abs=1e-8)
    changed = values.copy()
    changed[19] *= 50
    assert components(changed, training, 3, 30)[:19] == pytest.approx(found[:19])


def test_few_patients_give_fewer_components() -> None:
    values = np.random.default_rng(1).normal(size=(6, 50))
    assert components(values, np.arange(4), 20, 50).shape == (6, 3)


def test_age_and_sex_are_numbers_and_unknown_ones_are_missing() -> None:
    found = clinical(["a", "b", "c"], {"a": 40.0}, {"a": "female", "b": "male", "c": "not said"})
    assert found == pytest.approx(np.array([[40, 1], [np.nan, 0], [np.nan, np.nan]]), nan_ok=True)


def test_sets_side_by_side_have_the_modalities_of_both_and_the_first_ones_run() -> None:
    image = feature_set("image", drawn(2), ("i",), pretraining="pretrain", seed=3)
    both = beside("both", image, feature_set("genes", drawn(3), ("g",), pretraining="pretrain", seed=3))
    assert (both.fitted_on.shape, both.modalities, both.key) == ((9, 5), ("i", "g"), ("both", "pretrain", 3))
