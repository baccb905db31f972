import numpy as np

from mgi.modalities.rna.random_id_vectors import random_id_vectors

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
