import numpy as np
import pytest

from mgi_standin.simulation.series import AXIAL, CORONAL, SAGITTAL, Placement, resample_mask, tilt


def axial(shape=(3, 4, 5), spacing_mm=(5.0, 2.0, 1.0), centre_mm=(0.0, 0.0, 0.0), axes=AXIAL) -> Placement:
    return Placement(shape=shape, spacing_mm=spacing_mm, axes=axes, centre_mm=np.array(centre_mm))


def test_the_corner_of_an_axial_slice_by_hand():
    # half of (3-1)*5 below, (4-1)*2 in front of, and (5-1)*1 to the right of the centre
    np.testing.assert_allclose(axial().corner_mm(0), [-2.0, -3.0, -5.0])
    np.testing.assert_allclose(axial(centre_mm=(10.0, 0.0, 1.0)).corner_mm(2), [8.0, -3.0, 6.0])


def test_the_orientation_of_an_axial_slice_is_columns_to_the_left_and_rows_to_the_back():
    assert axial().orientation() == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("axes", [AXIAL, SAGITTAL, CORONAL, tilt(AXIAL, 7.0, -3.0)])
def test_slices_follow_the_normal_that_a_reader_computes(axes):
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(axes[2], axes[1]), axes[0], atol=1e-12)


def test_a_tilt_about_x_turns_the_normal_by_its_angle():
    normal = tilt(AXIAL, 6.0, 0.0)[0]
    assert normal @ [0, 0, 1] == pytest.approx(np.cos(np.radians(6.0)))
    assert normal[0] == pytest.approx(0.0)


def test_resampling_onto_the_same_grid_changes_nothing():
    mask = np.random.default_rng(0).random((3, 4, 5)) < 0.5
    np.testing.assert_array_equal(resample_mask(mask, axial(), axial()), mask)


def test_resampling_onto_a_shifted_grid_shifts_and_pads_with_nothing():
    mask = np.ones((3, 4, 5), bool)
    shifted = resample_mask(mask, axial(), axial(centre_mm=(1.0, 2.0, 5.0)))
    assert shifted[:2, :3, :4].all()
    assert not shifted[2].any()
    assert not shifted[:, 3].any()
    assert not shifted[:, :, 4].any()


def test_resampling_onto_voxels_of_half_the_size_repeats_each():
    mask = np.random.default_rng(0).random((3, 4, 5)) < 0.5
    finer = axial(shape=(6, 8, 10), spacing_mm=(2.5, 1.0, 0.5))
    expected = mask.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    np.testing.assert_array_equal(resample_mask(mask, axial(), finer), expected)


def test_grids_in_different_directions_are_refused():
    with pytest.raises(ValueError, match=r"grids .*directions"):
        resample_mask(np.ones((3, 4, 5), bool), axial(), axial(axes=SAGITTAL))
