import numpy as np
import pytest

from mgi_standin.simulation.cohort import simulate_cohort
from mgi_standin.simulation.settings import SimulationSettings


def settings(*, drive: bool) -> SimulationSettings:
    return SimulationSettings(
        seed=3, n_patients=12, n_genes=1000, slices_min=8, slices_max=8, pixels=16, genes_drive_images=drive
    )


@pytest.mark.parametrize("drive", [True, False])
def test_the_factors_of_images_are_those_that_the_cohort_was_drawn_with(benchmark, drive: bool) -> None:
    found = benchmark("probe_truth").factors_of(settings(drive=drive)).set_index("patient")
    for patient in simulate_cohort(settings(drive=drive)):
        row = found.loc[patient.patient_id]
        assert row["subtype"] == patient.subtype
        assert {name: row[f"image_{name}"] for name in patient.factors} == patient.factors
    assert (found["image_side"] == found["genes_side"]).all() == drive


def test_no_probe_can_tell_the_subtype_beyond_what_its_factors_tell(benchmark) -> None:
    truth = benchmark("probe_truth")
    many = truth.factors_of(
        SimulationSettings(
            seed=1, n_patients=2000, n_genes=1000, slices_min=8, slices_max=8, pixels=16, genes_drive_images=True
        )
    )
    assert 0.8 < truth.ceiling(many) < 0.9


def test_what_is_said_of_a_factor_is_scored_by_its_order_alone(benchmark) -> None:
    truth = benchmark("probe_truth")
    factor = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    found = truth._scored(np.exp(factor), factor)
    assert (found["auc"], found["n"]) == (1.0, 6)
    assert truth._scored(-factor, factor)["auc"] == 0.0
    one_wrong = truth._scored(np.array([0.0, 1.0, 3.5, 3.0, 4.0, 5.0]), factor)
    assert one_wrong["auc"] == pytest.approx(8 / 9)
    assert one_wrong["low"] < 8 / 9 < one_wrong["high"]


def test_the_mean_over_folds_is_surer_than_each_of_them(benchmark) -> None:
    named = {"cohort": "null", "label": "genes_side", "features": "image", "permuted": 0.5, "permuted_sd": 0.04}
    folds = [
        {**named, "fold": fold, "auc": area, "low": area - 0.08, "high": area + 0.08, "n": 10}
        for fold, area in enumerate((0.42, 0.5, 0.58, 0.5))
    ]
    (mean,) = benchmark("probe_truth").mean_over_folds([*folds, {"cohort": "null", "label": "subtype", "auc": 0.8}])
    assert (mean["fold"], mean["n"]) == ("mean", 40)
    assert (mean["low"], mean["auc"], mean["high"]) == pytest.approx((0.46, 0.5, 0.54))
    assert benchmark("probe_truth").mean_over_folds(folds[:1]) == []
