import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.core.section import read_record
from mgi.modalities.flair.brain import without_scalp
from mgi.modalities.rna.new_patient import NewExpression
from mgi.release.mask_summary import summarise_mask
from mgi.release.training_range import (
    FAR,
    Limits,
    TrainingRange,
    distance,
    gene_flags,
    image_flags,
    intensity_quantiles,
    mask_flags,
    measure,
    root_mean_squares,
)  # fmt: skip
from mgi.shards.image_shard import PatientImages
from mgi_standin.simulation.anatomy import draw_volume, make_grid
from mgi_standin.simulation.latent_factors import draw_factors


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
    [patient(0), patient(1, (6, 10, 14), spacing=(0.8, 0.9)), patient(2)],
    root_mean_squares(np.array([[1, -1], [2, 2], [0, 1]])),
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
        measure([patient(0)], [])


def test_the_scale_and_offset_of_a_scanner_raise_no_flag_and_another_distribution_does() -> None:
    scaled = PatientImages(**{**vars(patient(2)), "slices": patient(2).slices * 37})
    assert [flag.flag for flag in image_flags(scaled, TRAINED, None)] == []
    assert [flag.flag for flag in image_flags(patient(2, tail=4.0), TRAINED, None)] == ["intensity"]


def test_a_grid_outside_of_training_is_flagged_side_by_side() -> None:
    found = [flag.flag for flag in image_flags(patient(2, (9, 10, 12), spacing=(1.0, 2.0), step=1.0), TRAINED, "a T2")]
    assert [flag for flag in found if flag != "intensity"] == ["not_flair", "slices", "pixel_mm", "slice_mm"]


def far(images: PatientImages, warning: str | None = None) -> list[str]:
    return [flag.flag for flag in image_flags(images, TRAINED, warning) if flag.far]


def test_a_series_that_its_header_calls_another_is_far_whatever_it_looks_like() -> None:
    assert far(patient(2)) == []
    assert far(patient(2), "a T2") == ["not_flair"]
    (flag,) = image_flags(patient(2), TRAINED, None, "slices are not axial")
    assert (flag.flag, flag.far) == ("not_axial", False)


def test_intensities_are_far_beyond_a_multiple_of_the_limit_alone() -> None:
    found = {}
    for tail in np.linspace(1, 4, 31):
        flags = {flag.flag: flag for flag in image_flags(patient(2, tail=tail), TRAINED, None)}
        if "intensity" in flags:
            found[flags["intensity"].found / flags["intensity"].expected] = flags["intensity"].far
    assert min(found) < FAR < max(found)
    assert {times for times, is_far in found.items() if is_far} == {times for times in found if times > FAR}


@pytest.mark.parametrize(
    ("step", "spacing", "expected"),
    [
        (2.5, (0.8, 1.0), []),  # half of the least
        (10.0, (0.8, 1.0), []),
        (2.4, (0.8, 1.0), ["slice_mm"]),
        (10.1, (0.8, 1.0), ["slice_mm"]),
        (5.0, (0.4, 2.0), []),
        (5.0, (0.39, 2.1), ["pixel_mm", "pixel_mm"]),
    ],
)
def test_millimetres_are_far_beyond_a_multiple_of_their_range(step: float, spacing, expected: list) -> None:
    assert far(patient(2, step=step, spacing=spacing)) == expected


def test_numbers_of_pixels_and_slices_are_flagged_but_never_far() -> None:
    images = patient(2, (40, 100, 120))
    assert {"rows", "columns", "slices"} <= {flag.flag for flag in image_flags(images, TRAINED, None)}
    assert not {"rows", "columns", "slices"} & set(far(images))


def test_no_expression_raises_no_flag_of_genes() -> None:
    assert list(gene_flags(None, None, TRAINED.expression)) == []


def test_an_empty_mask_has_no_largest_body_and_is_flagged(trained) -> None:
    summary = summarise_mask(np.zeros((2, 4, 4), np.uint8), None)
    assert (summary.voxels, summary.bodies, summary.largest_share) == (0, 0, None)
    assert [flag.flag for flag in mask_flags(summary, trained)] == ["empty"]


@pytest.mark.parametrize(("second", "flagged"), [(1, []), (3, ["fragmented"])])
def test_only_a_mask_in_more_pieces_than_those_of_training_is_flagged(second: int, flagged: list, trained) -> None:
    mask = np.zeros((1, 8, 8), np.uint8)
    mask[0, :3, :3] = 1
    mask[0, 7, :second] = 1  # 9 of 10 voxels in one body, or 9 of 12
    assert [flag.flag for flag in mask_flags(summarise_mask(mask, None), trained)] == flagged


def expression(*missing: str) -> NewExpression:
    return NewExpression(values=np.ones(3, np.float32), n_genes=3, missing=missing, sample="P")


@pytest.mark.parametrize(
    ("given", "size", "flagged"),
    [
        (expression(), 1.0, []),
        (expression("ENSG1"), 1.0, ["missing_genes"]),
        (expression(), 3.0, ["expression"]),
        (expression("ENSG1"), 0.1, ["missing_genes", "expression"]),
    ],
)
def test_genes_are_flagged_where_some_are_missing_or_their_size_is_new(given, size, flagged, trained) -> None:
    assert [flag.flag for flag in gene_flags(given, np.full(3, size), trained.expression)] == flagged


def test_a_network_that_saw_copies_without_scalp_is_not_far_from_a_stripped_head() -> None:
    def head(seed: int) -> PatientImages:
        rng = np.random.default_rng(seed)
        volume, mask = draw_volume(make_grid(12, 96, 8.0), draw_factors("IDHwt", rng), rng)
        return replace(patient(seed), slices=np.rint(volume).astype(np.int16), masks=mask.astype(np.uint8))

    heads = [head(seed) for seed in range(6)]
    whole, both = (measure(heads, [], stripped=stripped) for stripped in (False, True))
    new = head(9)
    bare = replace(new, slices=without_scalp(new.slices))
    flagged = [
        [flag.flag for flag in image_flags(one, trained, None)] for trained in (whole, both) for one in (new, bare)
    ]
    assert [("intensity" in flags) for flags in flagged] == [False, True, False, False]
    assert read_record(TrainingRange, json.loads(json.dumps(asdict(both))), "x") == both
    older = {name: value for name, value in asdict(whole).items() if name != "stripped"}
    assert read_record(TrainingRange, json.loads(json.dumps(older)), "x") == whole
