import numpy as np
import pytest

from mgi.core.scratch_table import HeldTable
from mgi.modalities.rna.scaling import (
    principal_components,
    quantiles,
    random_id_vectors,
    ranks,
    reference_distribution,
    z_scores,
)

REFERENCE = np.array([0.0, 1.0, 2.0, 9.0])  # mean 3, deviation sqrt(12.5)


def test_ranks_have_mean_zero_and_a_uniform_deviation() -> None:
    assert ranks(np.array([30.0, 10.0])).tolist() == pytest.approx([np.sqrt(12) / 4, -np.sqrt(12) / 4])
    scaled = ranks(np.random.default_rng(0).gamma(1.0, 2.0, 10_000))
    assert (scaled.mean(), scaled.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1, abs=1e-6))


def test_ranks_depend_on_the_order_alone_and_ties_share_theirs() -> None:
    row = np.array([0.0, 0.0, 5.0, 1.0])
    assert np.array_equal(ranks(row), ranks(np.exp(row) * 1e3))
    assert ranks(row).tolist() == pytest.approx(np.sqrt(12) * np.array([-0.25, -0.25, 0.375, 0.125]))
    assert ranks(np.zeros(5)).tolist() == [0.0] * 5


def test_the_reference_is_the_mean_of_the_sorted_patients() -> None:
    patients = np.array([[3.0, 1.0, 2.0], [10.0, 30.0, 20.0]])
    assert reference_distribution([patients]).tolist() == reference_distribution([*patients[:, None]]).tolist()
    assert reference_distribution([patients]).tolist() == [5.5, 11.0, 16.5]


def test_a_patient_gets_the_reference_in_its_own_order() -> None:
    scaled = quantiles(np.array([70.0, 5.0, 6.0, 8.0]), REFERENCE)
    assert scaled.tolist() == pytest.approx(((np.array([9.0, 0.0, 1.0, 2.0]) - 3) / np.sqrt(12.5)).tolist())


def test_equal_values_stay_equal_between_two_reference_values() -> None:
    scaled = quantiles(np.array([5.0, 5.0, 7.0, 8.0]), REFERENCE)
    assert scaled.tolist() == pytest.approx(((np.array([0.5, 0.5, 2.0, 9.0]) - 3) / np.sqrt(12.5)).tolist())


def test_a_reference_without_spread_gives_zeros_and_never_nan() -> None:
    assert quantiles(np.array([1.0, 2.0]), np.array([4.0, 4.0])).tolist() == [0.0, 0.0]


def test_z_scores_are_clipped_and_zero_without_deviation() -> None:
    values = np.array([[3.0, 5.0, 1e6]])
    assert z_scores(values, np.array([1.0, 1.0, 0.0]), np.array([2.0, 0.0, 1.0])).tolist() == [[1.0, 0.0, 10.0]]


PATIENTS = ["TCGA-CS-0001", "TCGA-CS-0002", "TCGA-DU-0003"]


def test_a_patient_has_the_same_numbers_whoever_else_is_asked_for() -> None:
    together, alone = random_id_vectors(PATIENTS, 40, seed=1), random_id_vectors(PATIENTS[2:], 40, seed=1)
    assert np.array_equal(together[2], alone[0])
    assert np.array_equal(together[::-1], random_id_vectors(PATIENTS[::-1], 40, seed=1))


def test_no_two_patients_and_no_two_seeds_share_a_number() -> None:
    drawn = np.concatenate([random_id_vectors(PATIENTS, 40, seed) for seed in (1, 2)])
    assert len(np.unique(drawn)) == drawn.size == 6 * 40


def test_they_have_the_scale_of_standardised_expression_and_no_patient_resembles_another() -> None:
    drawn = random_id_vectors(PATIENTS, 20_000, seed=0)
    assert drawn.dtype == np.float32
    assert np.allclose(drawn.mean(1), 0, atol=0.03)
    assert np.allclose(drawn.std(1), 1, atol=0.03)
    assert np.abs(np.corrcoef(drawn) - np.eye(3)).max() < 0.03


def test_components_of_what_does_not_fit_in_memory_span_the_same_space(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 70)) * 5 + rng.normal(size=(30, 70))
    whole = principal_components(HeldTable(values), 3)
    monkeypatch.setattr("mgi.modalities.rna.scaling.MOST_DECOMPOSED", 0)
    monkeypatch.setattr("mgi.core.scratch_table.BLOCK_VALUES", 30 * 7)
    found = principal_components(HeldTable(values), 3)
    np.testing.assert_allclose(found.T @ found, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(found @ found.T, whole @ whole.T, atol=1e-8)
