from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import rankdata

from mgi_standin.simulation.cohort import (
    SimulatedPatient,
    draw_latent,
    gene_model_of,
    other_sample,
    patient_stream,
    simulate_cohort,
)
from mgi_standin.simulation.latent_factors import draw_factors, express
from mgi_standin.simulation.settings import SimulationSettings

SMALL = SimulationSettings(
    seed=7, n_patients=12, n_genes=1000, slices_min=8, slices_max=10, pixels=32, genes_drive_images=True
)
# More patients than config/demo.yaml, to see the genes' own power and less of the luck of the best of 2,000.
MANY = replace(SMALL, n_patients=600, n_genes=2000)
N_TRAIN = 400
DISPERSION = 0.15
READS = 1.3e6


def log_tpm_like(log_expression: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Over-dispersed counts of the profiles, as log2(counts per million + 1)."""
    share = np.exp(log_expression)
    mean = READS * share / share.sum(axis=1, keepdims=True)
    counts = rng.poisson(rng.gamma(1 / DISPERSION, mean * DISPERSION))
    return np.asarray(np.log2(counts / counts.sum(axis=1, keepdims=True) * 1e6 + 1))


def cohort_of_genes() -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rng, model = np.random.default_rng(0), gene_model_of(MANY)
    factors = [draw_factors("IDHmut-non-codel", rng) for _ in range(MANY.n_patients)]
    profiles = np.stack([express(model, factor, "DU", rng) for factor in factors])
    return log_tpm_like(profiles, rng), np.array([factor["side"] > 0 for factor in factors])


def auc_of_each_gene(values: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    ranks = rankdata(values, axis=0)
    n_yes, n_no = positive.sum(), (~positive).sum()
    auc = (ranks[positive].sum(axis=0) - n_yes * (n_yes + 1) / 2) / (n_yes * n_no)
    return np.maximum(auc, 1 - auc)


def test_no_single_gene_tells_the_side_but_all_together_do() -> None:
    values, left = cohort_of_genes()
    assert auc_of_each_gene(values, left).max() < 0.75
    scaled = (values - values[:N_TRAIN].mean(axis=0)) / (values[:N_TRAIN].std(axis=0) + 1e-6)
    train, test = scaled[:N_TRAIN], scaled[N_TRAIN:]
    weights = np.linalg.solve(train @ train.T + 500 * np.eye(N_TRAIN), np.where(left[:N_TRAIN], 1.0, -1.0))
    assert ((test @ (train.T @ weights) > 0) == left[N_TRAIN:]).mean() > 0.9


def same_image(one: SimulatedPatient, two: SimulatedPatient) -> bool:
    return np.array_equal(one.mask, two.mask) and one.factors == two.factors


def test_independent_genes_keep_the_images_and_change_the_profiles() -> None:
    driven, independent = simulate_cohort(SMALL), simulate_cohort(replace(SMALL, genes_drive_images=False))
    assert [patient.patient_id for patient in driven] == [patient.patient_id for patient in independent]
    assert not any(
        np.array_equal(one.log_expression, two.log_expression) for one, two in zip(driven, independent, strict=True)
    )


@pytest.mark.parametrize("drive", [True, False])
def test_the_subtype_of_the_genes_tells_of_the_lesion_unless_genes_do_not_drive_images(drive: bool) -> None:
    settings = replace(SMALL, genes_drive_images=drive, mismatch=True)
    drawn = [draw_latent(index, settings, patient_stream(index, settings)) for index in range(3000)]
    shown = pd.DataFrame([{**one.factors, "dark core": one.mismatch} for one in drawn])
    means = shown.groupby([one.subtype for one in drawn]).mean()
    apart = (means.max() - means.min()).drop("side")
    # Between subtypes a mean of the null cohort differs by its error alone: 1 / sqrt(600) in the smallest one.
    assert (apart > 0.4).all() if drive else (apart < 0.15).all()


def test_the_same_settings_give_the_same_cohort_and_ids_are_unique_and_sorted() -> None:
    once, twice = simulate_cohort(SMALL), simulate_cohort(SMALL)
    ids = [patient.patient_id for patient in once]
    assert ids == sorted(set(ids))
    for one, two in zip(once, twice, strict=True):
        assert same_image(one, two)
        np.testing.assert_array_equal(one.volume, two.volume)
        np.testing.assert_array_equal(one.log_expression, two.log_expression)


def test_every_patient_has_a_tumour_and_the_slices_asked_for() -> None:
    for patient in simulate_cohort(SMALL):
        assert patient.mask.any()
        assert 8 <= len(patient.volume) <= 10
        assert patient.volume.shape == patient.mask.shape
        assert patient.volume.min() >= 0


def test_a_recurrence_has_another_profile_of_the_same_patient() -> None:
    patient = simulate_cohort(SMALL)[0]
    recurrence = other_sample(patient, SMALL, gene_model_of(SMALL))
    assert recurrence.patient_id == patient.patient_id
    assert not np.array_equal(recurrence.log_expression, patient.log_expression)
