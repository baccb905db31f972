"""Components of several folds are one variable, and hold nothing of a network that saw the patient."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ortho_group

from mgi.association.components import Components, FoldVectors, components_of
from mgi.association.design import design_of
from mgi.association.scan import Columns, scan
from mgi.core.errors import BadInputError

N, FOLDS, WIDTH, SHOWN = 150, 5, 12, 3
PATIENTS = tuple(f"P{n:03d}" for n in range(N))
SPREADS = (3.0, 2.5, 2.0)  # of what the images show, near enough for a fold to have its own order
EFFECT = 0.6  # of one of the three on a gene whose own deviation is 1


def drawn(seed: int) -> tuple[list[FoldVectors], tuple[tuple[str, ...], NDArray[np.float64]], NDArray[np.float64]]:
    """Five networks that see the same three things, each on axes of its own; the untrained vectors; the things."""
    rng = np.random.default_rng(seed)
    shown = rng.normal(size=(N, SHOWN)) * SPREADS

    def network() -> NDArray[np.float64]:
        axes = ortho_group.rvs(WIDTH, random_state=rng)[:SHOWN]
        return (shown * rng.uniform(0.8, 1.2, SHOWN)) @ axes + rng.normal(scale=0.3, size=(N, WIDTH)) + rng.normal()

    folds = []
    for fold in range(FOLDS):
        vectors, is_test = network(), np.arange(N) % FOLDS == fold
        train, test = (tuple(np.array(PATIENTS)[rows].tolist()) for rows in (~is_test, is_test))
        folds.append(
            FoldVectors(
                fold=fold, train=train, train_vectors=vectors[~is_test], test=test, test_vectors=vectors[is_test]
            )
        )
    return folds, (PATIENTS, network()), shown


def smallest_p(values: NDArray[np.float64], gene: NDArray[np.float64]) -> float:
    found = scan(
        Columns(names=tuple("abc"), values=values), Columns(names=("gene",), values=gene[:, None]), design_of({}, N)
    )
    return float(found.p.min())


def pooled(folds: list[FoldVectors]) -> NDArray[np.float64]:
    """Components of each fold by itself, put below each other."""
    alone = [components_of([one], ((), np.empty((0, WIDTH))), SHOWN) for one in folds]
    rows = {patient: row for one in alone for patient, row in zip(one.patients, one.values, strict=True)}
    return np.stack([rows[patient] for patient in PATIENTS])


def test_a_gene_that_goes_with_the_image_is_found_where_components_pooled_as_they_are_lose_it() -> None:
    aligned, naive = [], []
    for seed in range(20):
        folds, untrained, shown = drawn(seed)
        gene = shown[:, 1] / SPREADS[1] * EFFECT + np.random.default_rng(seed + 100).normal(size=N)
        found = components_of(folds, untrained, SHOWN)
        assert found.patients == PATIENTS
        aligned.append(smallest_p(found.values, gene) < 1e-3)
        naive.append(smallest_p(pooled(folds), gene) < 1e-3)
    assert np.mean(aligned) >= 0.95
    assert np.mean(naive) <= 0.4


def test_folds_agree_once_they_are_turned_alike() -> None:
    folds, untrained, _ = drawn(0)
    assert components_of(folds, untrained, SHOWN).agreement.min() > 0.95
    assert np.isnan(components_of(folds[:1], untrained, SHOWN).agreement).all()


def test_a_patient_s_components_hold_nothing_of_other_folds_networks() -> None:
    """These trained on the patient's genes."""
    folds, untrained, _ = drawn(0)
    found = components_of(folds, untrained, SHOWN)
    other = np.random.default_rng(1).normal(size=folds[0].train_vectors.shape)
    changed = components_of([replace(folds[0], train_vectors=other), *folds[1:]], untrained, SHOWN)
    of_first = found.folds == 0
    assert (changed.values[~of_first] == found.values[~of_first]).all()
    assert not np.allclose(changed.values[of_first], found.values[of_first])


def test_test_patients_decide_no_axis_and_training_ones_have_deviation_one() -> None:
    folds, untrained, _ = drawn(0)
    seen = replace(folds[0], test=folds[0].train, test_vectors=folds[0].train_vectors)
    found = components_of([seen], untrained, SHOWN)
    assert found.values.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert found.values.std(axis=0) == pytest.approx(1)
    assert found.variance[0].tolist() == sorted(found.variance[0], reverse=True)
    assert 0.9 < found.variance.sum() < 1


def test_the_turn_keeps_the_variance_of_a_fold() -> None:
    folds, untrained, _ = drawn(0)
    turned = components_of(folds, untrained, SHOWN).variance.sum(axis=1)
    alone: list[Components] = [components_of([one], untrained, SHOWN) for one in folds]
    assert turned == pytest.approx([one.variance.sum() for one in alone])


def test_more_components_than_vectors_span_and_a_patient_tested_twice_are_refused() -> None:
    folds, untrained, _ = drawn(0)
    with pytest.raises(BadInputError, match="components: found 13, expected at most 12, which fold 0 span"):
        components_of(folds[:1], untrained, WIDTH + 1)
    twice = replace(folds[1], test=(*folds[1].test[:-1], "P000"))
    with pytest.raises(BadInputError, match="P000 is tested in fold 0 and 1"):
        components_of([folds[0], twice], untrained, SHOWN)
