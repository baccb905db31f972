from dataclasses import replace

import numpy as np
import pytest

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.series import Study, resample_mask
from mgi_standin.simulation.studies import plan_studies


@pytest.fixture(scope="module")
def patient() -> SimulatedPatient:
    rng = np.random.default_rng(0)
    mask = np.zeros((7, 20, 20), bool)
    mask[2:5, 5:12, 11:17] = True
    return SimulatedPatient(
        patient_id="TCGA-DU-Z001",
        site="DU",
        subtype="IDHwt",
        factors={},
        expressed={},
        log_expression=np.zeros(3),
        volume=rng.uniform(0, 900, (7, 20, 20)).astype(np.float32),
        mask=mask,
        spacing_mm=(6.0, 2.5, 2.5),
    )


def plan(patient: SimulatedPatient, seed: int = 0, **held) -> list[Study]:
    return plan_studies(patient, Availability(**held), "key", np.random.default_rng(seed))


def flair_of(study: Study):
    return study.series[0]


def test_the_flair_holds_the_volume_in_twelve_bits(patient):
    for seed in range(8):
        flair = flair_of(plan(patient, seed)[0])
        assert flair.stored.max() <= 4095
        error = np.abs(flair.stored * flair.slope - patient.volume).max()
        assert error <= flair.slope / 2 + 1e-3


def test_without_rescale_tags_stored_values_are_the_volume_itself(patient):
    flair = flair_of(plan(patient, rescale_tags=False)[0])
    assert flair.slope is None
    np.testing.assert_array_equal(flair.stored, np.rint(patient.volume))


def test_the_flair_has_the_times_of_a_flair_and_the_t1_those_of_a_t1(patient):
    for seed in range(20):
        for series in plan(patient, seed)[0].series:
            times = series.weighting
            if "T1" in series.description:
                assert 700 <= times.inversion_ms <= 1000
                assert times.echo_ms < 30
            else:
                assert 2200 <= times.inversion_ms <= 2500
                assert 90 <= times.echo_ms <= 140


def test_t1_look_alikes_have_flair_in_their_name_and_no_fewer_images(patient):
    for seed in range(20):
        for duplicated in (False, True):
            flair, *others = plan(patient, seed, duplicated_slice=duplicated)[0].series
            t1 = [series for series in others if "T1" in series.description]
            assert t1
            assert all("FLAIR" in series.description for series in t1)
            assert all(len(series.slices) >= len(flair.slices) for series in t1)


def test_all_series_of_a_study_have_their_own_uid_and_number(patient):
    for seed in range(20):
        study = plan(patient, seed)[0]
        everything = [*study.series, study.mask]
        assert len({series.uid for series in everything}) == len(everything)
        assert len({series.number for series in everything}) == len(everything)


@pytest.mark.parametrize("order", ["up", "down", "shuffled"])
def test_instance_numbers_are_complete_in_any_order(patient, order):
    numbers = flair_of(plan(patient, instance_order=order)[0]).instance_numbers
    assert sorted(numbers) == list(range(1, 8))
    assert {"up": numbers[0] == 1, "down": numbers[0] == 7, "shuffled": list(numbers) != sorted(numbers)}[order]


def test_a_duplicated_slice_is_one_more_image_with_the_last_number(patient):
    flair = flair_of(plan(patient, duplicated_slice=True, instance_order="down")[0])
    assert len(flair.slices) == 8
    assert len(set(flair.slices)) == 7
    assert flair.instance_numbers[-1] == 8


def test_the_mask_on_the_flair_is_the_patients_mask_and_its_frames_hold_all_of_it(patient):
    mask = plan(patient)[0].mask
    np.testing.assert_array_equal(mask.mask, patient.mask)
    assert set(mask.slices) >= {2, 3, 4}
    assert len(mask.slices) < 7
    assert mask.description == f"{mask.source.description} Glioma Segmentation"


@pytest.mark.parametrize("held", [{}, {"mask_on_t1_grid": True}, {"instance_order": "down"}])
def test_a_volume_that_misses_the_tumour_has_a_mask_with_an_empty_frame(patient, held):
    missed = replace(patient, volume=patient.volume[:1], mask=np.zeros_like(patient.mask[:1]))
    for seed in range(4):
        study = plan(missed, seed, **held)[0]
        assert not study.mask.mask.any()
        assert set(study.mask.slices) <= set(range(len(study.mask.mask)))
        assert len(study.mask.slices) >= 1


def test_a_mask_on_the_t1_grid_returns_to_the_patients_mask_by_nearest_neighbour(patient):
    for seed in range(10):
        study = plan(patient, seed, mask_on_t1_grid=True, tilted=True)[0]
        source, flair = study.mask.source, flair_of(study)
        assert source.description == "AX T1 FLAIR"
        assert source.placement.shape != flair.placement.shape
        returned = resample_mask(study.mask.mask, source.placement, flair.placement)
        np.testing.assert_array_equal(returned, patient.mask)


def test_a_second_study_is_later_has_no_mask_and_shows_the_mirror_image(patient):
    first, second = plan(patient, second_study=True, rescale_tags=False)
    assert second.date > first.date
    assert second.mask is None
    assert second.uid != first.uid
    assert second.frame_uid != first.frame_uid
    np.testing.assert_array_equal(flair_of(second).stored, flair_of(first).stored[:, :, ::-1])


def test_without_flair_only_t1_series_remain(patient):
    for seed in range(10):
        study = plan(patient, seed, has_flair=False, has_mask=False)[0]
        assert len(study.series) >= 2
        assert all("T1" in series.description for series in study.series)
        assert study.mask is None


def test_a_tilted_patient_is_oblique_by_a_few_degrees_in_flair_mask_and_t1(patient):
    study = plan(patient, tilted=True, mask_on_t1_grid=True)[0]
    cosine = flair_of(study).placement.axes[0] @ [0, 0, 1]
    assert np.cos(np.radians(10)) < cosine < np.cos(np.radians(1))
    np.testing.assert_array_equal(study.mask.source.placement.axes, flair_of(study).placement.axes)


def test_the_same_patient_is_planned_the_same_again(patient):
    once, again = (plan(patient, 5, second_study=True, tilted=True) for _ in range(2))
    assert [study.uid for study in once] == [study.uid for study in again]
    assert [study.date for study in once] == [study.date for study in again]
    np.testing.assert_array_equal(flair_of(once[0]).stored, flair_of(again[0]).stored)
    other = plan_studies(replace(patient, patient_id="TCGA-DU-Z002"), Availability(), "key", np.random.default_rng(5))
    assert other[0].uid != once[0].uid
