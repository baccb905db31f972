"""Hand-made features of a tumour, on heads whose tumour was drawn."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.tasks.segmentation.lesion_features import FEATURES, lesion_features

SIDE, SLICES = 64, 9
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def drawn(
    row: float, column: float, radius: float, slices: slice = slice(3, 6), level: float = 200.0
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A stripped head of level 100, a disc of radius 28 about the middle, with a disc of tumour on some slices."""
    brain = (ROWS - 31.5) ** 2 + (COLUMNS - 31.5) ** 2 <= 28**2
    volume = np.tile(brain * np.float32(100), (SLICES, 1, 1))
    mask = np.zeros(volume.shape, np.uint8)
    mask[slices] = (ROWS - row) ** 2 + (COLUMNS - column) ** 2 <= radius**2
    volume[mask > 0] = level
    return volume, mask


def test_size_and_intensity_are_shares_of_the_brain() -> None:
    found = lesion_features(*drawn(31.5, 31.5, 10, level=150))
    small, large = np.exp(found["log_volume"]), np.exp(lesion_features(*drawn(31.5, 31.5, 14))["log_volume"])
    assert large / small == pytest.approx(14**2 / 10**2, rel=0.05)
    assert found["slice_share"] == pytest.approx(3 / 9, abs=0.12)
    assert found["intensity_mean"] == found["intensity_p10"] == found["intensity_p90"] == pytest.approx(1.5)
    assert found["intensity_sd"] == 0
    assert found["margin_contrast"] == pytest.approx(0.5)


def test_levels_of_another_scale_change_nothing() -> None:
    volume, mask = drawn(20, 40, 8)
    plain, scaled = lesion_features(volume, mask), lesion_features((volume * 7).astype(np.int16), mask)
    assert list(plain) == list(FEATURES)
    assert plain == pytest.approx(scaled)


def test_position_has_a_side_a_front_and_a_height() -> None:
    right, left = lesion_features(*drawn(31.5, 45.5, 6)), lesion_features(*drawn(31.5, 17.5, 6))
    assert right["side"] == pytest.approx(0.5, abs=0.05)
    assert left["side"] == pytest.approx(-right["side"], abs=0.05)
    assert right["lateral"] == pytest.approx(left["lateral"], abs=0.05)
    assert lesion_features(*drawn(17.5, 31.5, 6))["anterior"] == pytest.approx(0.5, abs=0.05)
    low, high = (lesion_features(*drawn(31.5, 31.5, 6, slices))["height"] for slices in (slice(0, 2), slice(7, 9)))
    assert low < 0.2
    assert high > 0.8


def test_an_outline_is_measured_beside_that_of_a_disc() -> None:
    volume, disc = drawn(31.5, 31.5, 10)
    assert lesion_features(volume, disc)["irregularity"] == pytest.approx(1, abs=0.05)
    bar = np.zeros_like(disc)
    bar[3:6, 30:34, 10:54] = 1
    assert lesion_features(volume, bar)["irregularity"] > 1.5


def test_an_empty_mask_has_no_features_and_a_strange_one_is_refused() -> None:
    volume, mask = drawn(31.5, 31.5, 10)
    assert all(np.isnan(value) for value in lesion_features(volume, np.zeros_like(mask)).values())
    with pytest.raises(BadInputError, match=r"mask \(1, 64, 64\), expected \(9, 64, 64\) as the slices"):
        lesion_features(volume, mask[:1])
    with pytest.raises(BadInputError, match="median level of the brain beside the tumour: found 0, expected more"):
        lesion_features(np.zeros_like(volume), mask)
