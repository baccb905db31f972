import numpy as np
import pytest

from mgi.core.column_moments import ColumnMoments


def of(values: np.ndarray, *cuts: int) -> ColumnMoments:
    moments = ColumnMoments(values.shape[1])
    for block in np.split(values, cuts):
        moments.add(block)
    return moments


@pytest.mark.parametrize("cuts", [(), (1,), (32, 64, 96), (5, 5, 99)])
def test_blocks_give_numpys_mean_and_variance_whatever_their_lengths(cuts: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(3, 2, (100, 40)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    found = of(values, *cuts)
    wide = values.astype(np.float64)
    np.testing.assert_allclose(found.mean, np.nanmean(wide, axis=0), rtol=1e-13)
    np.testing.assert_allclose(found.variance, np.nanvar(wide, axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.missing_share, np.isnan(values).mean(axis=0), atol=1e-15)


def test_a_small_spread_about_a_large_mean_is_kept() -> None:
    spread = np.random.default_rng(2).normal(0, 1e-3, (1000, 3))
    values = 1e6 + spread
    np.testing.assert_allclose(of(values, *range(32, 1000, 32)).variance, values.var(axis=0), rtol=1e-6)
    by_squares = (values**2).mean(axis=0) - values.mean(axis=0) ** 2
    assert not np.allclose(by_squares, values.var(axis=0), rtol=0.1)  # what the plain formula makes of it


def test_a_column_without_values_has_neither_and_a_constant_one_no_variance() -> None:
    found = of(np.array([[np.nan, 2.0], [np.nan, 2.0]]), 1)
    assert np.isnan(found.mean[0])
    assert np.isnan(found.variance[0])
    assert found.variance[1] == 0
    assert found.missing_share.tolist() == [1, 0]


def test_no_rows_are_no_error() -> None:
    found = of(np.empty((0, 2), np.float32))
    assert found.rows == 0
    assert np.isnan(found.mean).all()


@pytest.mark.parametrize("tenths", range(11))
def test_a_share_is_the_number_that_a_setting_names(tenths: int) -> None:
    values = np.ones((10, 1))
    values[:tenths] = np.nan
    assert of(values).missing_share[0] == float(f"{tenths / 10}")  # 1 - 0.7 would be more than 0.3
