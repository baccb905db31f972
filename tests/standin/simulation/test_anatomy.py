import numpy as np

from mgi_standin.simulation.anatomy import (
    FIELD_OF_VIEW_MM,
    Traits,
    draw_head,
    draw_lesion,
    draw_volume,
    make_grid,
    smooth_noise,
)

FACTORS = {"side": 1.0, "size": 0.0, "margin": 0.0, "contrast": 0.0}


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_grid_is_centred_and_spans_the_field_of_view() -> None:
    grid = make_grid(9, 48, 6.0)
    assert grid.z.shape == (9, 1, 1)
    assert abs(grid.x.mean()) < 1e-12
    assert grid.spacing_mm == (6.0, FIELD_OF_VIEW_MM / 48, FIELD_OF_VIEW_MM / 48)


def test_a_head_is_surrounded_by_air() -> None:
    head = draw_head(make_grid(5, 48, 6.0), generator())
    assert head[:, 0].max() == 0.0
    assert head[2, 24, 12] > 100.0


def test_a_positive_side_is_the_left_half() -> None:
    grid = make_grid(9, 48, 6.0)
    for side, half in ((1.0, slice(24, 48)), (-1.0, slice(0, 24))):
        _, extent = draw_lesion(grid, Traits(size=0.0, margin=0.0, contrast=0.0), side=side, rng=generator())
        assert extent.any()
        assert extent[:, :, half].sum() == extent.sum()


def test_a_larger_size_factor_gives_a_larger_lesion_on_average() -> None:
    grid = make_grid(9, 48, 6.0)

    def mean_volume(size: float) -> float:
        rng = generator()
        traits = Traits(size=size, margin=0.0, contrast=0.0)
        lesions = [draw_lesion(grid, traits, side=1.0, rng=rng)[1] for _ in range(10)]
        return float(np.mean([lesion.sum() for lesion in lesions]))

    assert mean_volume(2.0) > 1.5 * mean_volume(-1.0)


def test_the_same_image_belongs_to_both_sides_and_only_the_mask_differs() -> None:
    """The image does not tell which lesion is the tumour: it is the same to the last bit."""
    grid = make_grid(9, 48, 6.0)
    left, left_mask = draw_volume(grid, FACTORS, generator(3))
    right, right_mask = draw_volume(grid, FACTORS | {"side": -1.0}, generator(3))
    np.testing.assert_array_equal(left, right)
    assert left_mask.any()
    assert right_mask.any()
    assert not (left_mask & right_mask).any()


def test_smooth_noise_has_unit_variance_and_neighbours_alike() -> None:
    grid = make_grid(9, 48, 6.0)
    field = smooth_noise((9, 48, 48), grid, 14.0, generator())
    np.testing.assert_allclose(field.std(), 1.0)
    assert np.corrcoef(field[:, :, 1:].ravel(), field[:, :, :-1].ravel())[0, 1] > 0.9
