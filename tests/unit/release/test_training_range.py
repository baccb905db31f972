import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.release.flags import gene_flags, image_flags, mask_facts
from mgi.release.training_range import Limits, bodies_of, distance, intensity_quantiles, measure
from mgi.shards.image_shard import PatientImages


def patient(seed: int, shape=(4, 10, 12), *, spacing=(1.0, 1.0), step: float = 5.0, tail: float = 1.0) -> PatientImages:
    rng = np.random.default_rng(seed)
    head = np.zeros(shape, np.float32)
    head[:, 2:-2, 2:-2] = 100 * rng.gamma(8.0, 1 / 8, head[:, 2:-2, 2:-2].shape) ** tail
    mask = np.zeros(shape, np.uint8)
    mask[1, 3:6, 3:6] = 1
    mask[3, 8, 8] = seed == 0
    affine = np.diag([step, *spacing, 1.0])[[2, 1, 0, 3]]
    return PatientImages(
        patient_id=str(seed), slices=head, masks=mask, spacing_mm=spacing, positions_mm=None, source="0",
        affine=affine, native_axes="LPS",
    )  # fmt: skip


TRAINED = measure(
    [patient(0), patient(1, (6, 10, 14), spacing=(0.8, 0.9)), patient(2)], np.array([[1, -1], [2, 2], [0, 1]])
)


def test_limits_are_those_of_the_patients() -> None:
    assert (TRAINED.n_patients, TRAINED.rows, TRAINED.columns) == (3, Limits(low=10, high=10), Limits(low=12, high=14))
    assert TRAINED.slices == Limits(low=4, high=6)
    assert TRAINED.pixel_mm == Limits(low=0.8, high=1.0)
    assert TRAINED.slice_mm == Limits(low=5, high=5)
    assert TRAINED.expression == Limits(low=pytest.approx(np.sqrt(0.5)), high=2.0)
    assert TRAINED.one_body == pytest.approx(np.quantile([0.9, 1, 1], 0.05))


def test_farthest_is_the_largest_distance_of_one_patient_from_the_mean_of_the_others() -> None:
    quantiles = [intensity_quantiles(one.slices) for one in (patient(0), patient(1, (6, 10, 14)), patient(2))]
    by_hand = [distance(one, np.mean([two for two in quantiles if two is not one], axis=0)) for one in quantiles]
    assert TRAINED.farthest == pytest.approx(max(by_hand))


def test_one_patient_has_no_range() -> None:
    with pytest.raises(BadInputError, match=r"training patients: 1.* 2 "):
        measure([patient(0)], None)


def test_the_scale_and_offset_of_a_scanner_raise_no_flag_and_another_distribution_does() -> None:
    scaled = PatientImages(**{**vars(patient(2)), "slices": patient(2).slices * 37})
    assert [flag.flag for flag in image_flags(scaled, TRAINED, None)] == []
    assert [flag.flag for flag in image_flags(patient(2, tail=4.0), TRAINED, None)] == ["intensity"]


def test_a_grid_outside_of_training_is_flagged_side_by_side() -> None:
    found = [flag.flag for flag in image_flags(patient(2, (9, 10, 12), spacing=(1.0, 2.0), step=1.0), TRAINED, "a T2")]
    assert [flag for flag in found if flag != "intensity"] == ["not_flair", "slices", "pixel_mm", "slice_mm"]


def test_bodies_touch_at_corners_and_come_largest_first() -> None:
    mask = np.zeros((3, 4, 4), np.uint8)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[2, 3, 3] = 1
    assert bodies_of(mask).tolist() == [2, 1]
    facts = mask_facts(mask, np.diag([5.0, 2.0, 0.5, 1]))
    assert (facts.voxels, facts.slices, facts.volume_ml, facts.bodies, facts.largest_share) == (3, 3, 0.015, 2, 0.6667)
    assert mask_facts(np.zeros((1, 2, 2), np.uint8), None).largest_share is None


def test_no_expression_raises_no_flag_of_genes() -> None:
    assert list(gene_flags(None, None, TRAINED)) == []
