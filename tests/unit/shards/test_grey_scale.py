import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.shards.grey_scale import CONSTANT, MAX_DEVIATIONS, GreyScale, grey_scale, require_scale


def head(dtype: str = "int16") -> np.ndarray:
    """Air of 0 to 20, and a head of 100 to 900 in the middle of each of five slices."""
    rng = np.random.default_rng(0)
    volume = rng.integers(0, 20, (5, 64, 64))
    volume[:, 16:48, 16:48] = rng.integers(100, 900, (5, 32, 32))
    return (volume // 4 if dtype == "uint8" else volume).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
def test_a_head_has_a_scale(dtype: str) -> None:
    require_scale(head(dtype), "x")


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("width", [1, 3, 8])
def test_a_saturated_stripe_is_no_foreground(dtype: str, width: int) -> None:
    volume = head(dtype)
    volume[:, :, -width:] = 32767
    with pytest.raises(
        BadInputError, match=r"x: voxels: (those above the mean are nearly of one level|some far above)"
    ):
        require_scale(volume, "x")


def test_a_stripe_of_nearly_one_level_is_none_either() -> None:
    volume = head()
    volume[:, :, -6:] = np.random.default_rng(1).integers(32000, 32767, (5, 64, 6))
    with pytest.raises(BadInputError, match="nearly of one level"):
        require_scale(volume, "x")


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_padding_below_the_tissue_is_clipped_and_no_fault(dtype: str) -> None:
    volume = head(dtype)
    volume[:, :, -30:] = -32000
    require_scale(volume, "x")
    out = np.empty(volume.shape, np.float32)
    grey_scale(volume).write(volume, out)
    assert np.abs(out).max() < 5


@pytest.mark.parametrize("outliers", [1, 2, 20, 200])
@pytest.mark.parametrize("value", [1e6, 1e30])
def test_a_few_huge_voxels_are_refused(outliers: int, value: float) -> None:
    volume = head("float32")
    volume.ravel()[:: volume.size // outliers][:outliers] = value * np.linspace(1, 2, outliers)
    with pytest.raises(BadInputError, match=r"x: voxels: (only|some far above|those above)"):
        require_scale(volume, "x")


@pytest.mark.parametrize("value", [0, 7, -3])
def test_a_constant_volume_is_refused_by_its_value(value: int) -> None:
    for dtype in ("int16", "float32"):
        with pytest.raises(BadInputError, match=rf"x: voxels: every one is {value}, "):
            require_scale(np.full((2, 4, 4), value, dtype), "x")


def test_an_offset_of_all_levels_is_no_fault() -> None:
    require_scale(head() + 10_000, "x")
    require_scale(head() - 20_000, "x")


def test_standardised_values_are_bounded_whatever_the_volume_holds() -> None:
    rng = np.random.default_rng(2)
    cases = [head(), head("float32"), head() - 1000, np.full((1, 4, 4), 5, np.int16)]
    for value in (32767, -32768):
        striped = head()
        striped[:, :, -3:] = value
        cases.append(striped)
    for value in (1e12, 1e30, -1e30):
        spotted = head("float32")
        spotted[0, 0, :3] = [value, value * 0.5, value]
        cases.append(spotted)
    cases.append((rng.standard_normal((5, 16, 16)) * 1e-6 + 1e4).astype(np.float32))
    for volume in cases:
        out = np.empty(volume.shape, np.float32)
        grey_scale(volume).write(volume, out)
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= MAX_DEVIATIONS * 1.001


def test_a_foreground_of_one_level_becomes_zeros() -> None:
    volume = head()
    volume[:, :, -3:] = 32767
    assert grey_scale(volume) == CONSTANT


def test_the_bound_moves_no_value_of_a_head() -> None:
    volume, out = head(), np.empty((5, 64, 64), np.float32)
    scale = grey_scale(volume)
    scale.write(volume, out)
    clipped = np.clip(volume.astype(np.float32), np.float32(min(0.0, scale.low)), np.float32(scale.high))
    assert np.array_equal(out, (clipped - np.float32(scale.centre)) / np.float32(scale.spread + 1e-6))
    far = GreyScale(low=50.0, high=1e9, centre=100.0, spread=1.0)
    far.write(np.array([[[0.0, 1e9]]], np.float32), found := np.empty((1, 1, 2), np.float32))
    assert found.ravel().tolist() == pytest.approx([-20.0, 20.0], rel=1e-5)
