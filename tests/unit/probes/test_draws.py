import numpy as np

from mgi.probes.draws import INNER_FOLDS, draw_labelled

CLASSES = np.repeat([0, 1, 2], [30, 12, 4])


def drawn(per_class: int | None, seed: int = 0):
    return draw_labelled(CLASSES, per_class, 4, 20, np.random.default_rng(seed))


def test_each_draw_has_so_many_of_each_class_or_all_of_a_smaller_one() -> None:
    found = drawn(10)
    assert found.rows.shape == (4, 24)
    for rows in found.rows:
        assert len(set(rows)) == 24
        assert np.bincount(CLASSES[rows]).tolist() == [10, 10, 4]
    assert len({tuple(sorted(rows)) for rows in found.rows}) == 4


def test_all_patients_are_one_draw_with_every_permutation() -> None:
    found = drawn(None)
    assert sorted(found.rows[0]) == list(range(46))
    assert found.permuted.shape == (1, 20, 46)


def test_permutations_keep_the_classes_and_are_dealt_over_draws() -> None:
    found = drawn(10)
    assert found.permuted.shape == (4, 5, 24)
    assert {tuple(np.bincount(one)) for own in found.permuted for one in own} == {(10, 10, 4)}


def test_every_inner_fold_holds_out_some_of_each_class() -> None:
    found = drawn(5)
    for rows, inner in zip(found.rows, found.inner, strict=True):
        for fold in range(INNER_FOLDS):
            assert set(CLASSES[rows[inner == fold]]) == {0, 1, 2}


def test_the_same_seed_draws_the_same() -> None:
    assert (drawn(5).rows == drawn(5).rows).all()
    assert (drawn(5).rows != drawn(5, seed=1).rows).any()
