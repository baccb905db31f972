from collections import Counter

import numpy as np
import pytest

from mgi_standin.simulation.availability import INCOMPLETE, Availability, draw_availability


def is_complete(held: Availability) -> bool:
    primary = any(sample.startswith("01") for sample in held.samples)
    usable = held.annotation in (None, "observed")
    return primary and usable and held.images == "public" and held.has_flair and held.has_mask


def draw(n_patients: int) -> dict[str, Availability]:
    return draw_availability([f"P{index:04d}" for index in range(n_patients)], np.random.default_rng(0))


@pytest.mark.parametrize(("n_patients", "incomplete"), [(1, 0), (3, 0), (4, 1), (12, 3), (24, 6), (40, 10), (130, 10)])
def test_incomplete_patients_are_a_quarter_at_most_and_ten_in_all(n_patients: int, incomplete: int):
    held = draw(n_patients)
    assert len(held) == n_patients
    assert sum(not is_complete(one) for one in held.values()) == incomplete


def test_patients_come_back_sorted():
    assert list(draw(30)) == sorted(draw(30))


def test_all_reasons_to_drop_a_patient_occur_in_a_large_cohort():
    assert not any(is_complete(held) for held in INCOMPLETE)
    held = draw(130).values()
    assert sum(not one.samples for one in held) >= 2
    assert sum(one.images == "none" for one in held) == 1
    assert sum(one.images == "restricted" for one in held) == 1
    assert sum(one.samples == ("02A",) for one in held) == 1
    assert sum(not one.has_flair for one in held) == 1
    assert sum(one.has_flair and not one.has_mask for one in held) == 1
    assert {one.annotation for one in held} == {None, "flagged", "redacted", "observed"}


def test_unusual_images_belong_to_complete_patients():
    for held in draw(130).values():
        plain = held.instance_order == "up" and held.rescale_tags and not held.mask_on_t1_grid
        assert is_complete(held) or (plain and not held.second_study)


@pytest.mark.parametrize("n_patients", [12, 130])
def test_every_unusual_image_occurs_in_small_and_large_cohorts(n_patients: int):
    held = draw(n_patients).values()
    for feature in ("mask_on_t1_grid", "second_study", "duplicated_slice", "tilted", "run_length_encoded"):
        assert any(getattr(one, feature) for one in held), feature
    assert not all(one.rescale_tags for one in held)
    assert set(Counter(one.instance_order for one in held)) == {"up", "down", "shuffled"}


def test_recurrences_and_a_lone_01b_occur_even_in_a_small_cohort():
    samples = {held.samples for held in draw(12).values()}
    assert {("01A", "02A", "02B"), ("01A", "02A"), ("01B",)} <= samples


def test_a_formalin_fixed_vial_occurs_alone_and_in_a_large_cohort_beside_a_frozen_one():
    assert {(held.samples, held.fixed) for held in draw(12).values() if held.fixed} == {(("01B",), ("01B",))}
    assert (("01A", "01B"), ("01B",)) in {(held.samples, held.fixed) for held in draw(40).values()}
