"""Padding is no image: what becomes of it, whatever its value, sign, range and inversion."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.datasets.volume import standardise
from mgi.modalities.flair.dicom import Volume, volume_of

UID = "1.2.3.4"
WIDE = {"BitsStored": 16, "HighBit": 15}
Padded = Callable[..., Volume]


@pytest.fixture
def padded(mr_file: Callable[..., bytes]) -> Padded:
    """A volume of three slices of 8 x 8, levels 100 to 899, of which the last two columns hold `value`."""

    def make(value: int | tuple[int, ...], dtype: type = np.uint16, last: Any = None, **tags: Any) -> Volume:
        members = []
        for k in range(3):
            pixels = np.random.default_rng(k).integers(100, 900, (8, 8)).astype(dtype)
            pixels[:, -2:] = value
            if last is not None:
                pixels[0, 0] = last
            members.append((f"{k}", mr_file(pixels, position=(0, 0, 5.0 * k), instance=k, tags={**WIDE, **tags})))
        return volume_of(members, UID)

    return make


def test_padding_above_the_tissue_becomes_air(padded: Padded) -> None:
    volume = padded(32767, PixelPaddingValue=32767)
    assert (volume.voxels[:, :, -2:] == 0).all()
    assert volume.voxels[:, :, :-2].min() >= 100
    assert volume.notes == ("set 48 pixels of padding to 0",)
    assert np.abs(standardise(volume.voxels)).max() < 5


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (65535, {"PixelPaddingValue": 65535}),  # beyond int16: the rest is still exact there
        ((60000, 65000), {"PixelPaddingValue": 60000, "PixelPaddingRangeLimit": 65535}),
        ((60000, 65000), {"PixelPaddingValue": 65535, "PixelPaddingRangeLimit": 60000}),
        ((0, 3), {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 5}),
    ],
)
def test_a_range_of_padding_is_taken_out_from_either_end(
    padded: Padded, value: int | tuple[int, ...], tags: dict[str, Any]
) -> None:
    volume = padded(value, **tags)
    assert volume.voxels.dtype == np.int16
    assert (volume.voxels[:, :, -2:] == 0).all()


def test_padding_of_0_stays_and_is_no_news(padded: Padded) -> None:
    volume = padded(0, PixelPaddingValue=0)
    assert (volume.voxels[:, :, -2:] == 0).all()
    assert volume.notes == ()


def test_signed_padding_becomes_the_lowest_level_of_the_rest_where_that_is_below_0(padded: Padded) -> None:
    volume = padded(-2000, np.int16, PixelPaddingValue=-2000)
    assert (volume.voxels[:, :, -2:] == 0).all()
    volume = padded(-2000, np.int16, last=-30, PixelPaddingValue=-2000)
    assert (volume.voxels[:, :, -2:] == -30).all()


def test_padding_is_rescaled_to_nothing(padded: Padded) -> None:
    volume = padded(4095, PixelPaddingValue=4095, RescaleSlope="2", RescaleIntercept="-10")
    assert (volume.voxels[:, :, -2:] == 0).all()
    assert volume.voxels[:, :, :-2].min() >= 190


def test_padding_is_inverted_with_the_image(padded: Padded) -> None:
    volume = padded(0, PixelPaddingValue=0, PhotometricInterpretation="MONOCHROME1")
    assert (volume.voxels[:, :, -2:] == 0).all()
    assert volume.voxels.max() == pytest.approx(65535 - 100, abs=20)
    signed = padded(-32768, np.int16, PixelPaddingValue=-32768, PhotometricInterpretation="MONOCHROME1")
    assert signed.voxels.max() < 0
    assert (signed.voxels[:, :, -2:] == signed.voxels.min()).all()


def test_padding_beyond_the_stored_bits_is_cut_as_pixels_are(padded: Padded) -> None:
    volume = padded(0xF830, PixelPaddingValue=0xF830, BitsStored=12, HighBit=11)
    assert (volume.voxels[:, :, -2:] == 0).all()


def test_a_stated_padding_that_no_pixel_has_changes_nothing(padded: Padded) -> None:
    assert np.array_equal(padded(900, PixelPaddingValue=5000).voxels, padded(900).voxels)


def test_an_image_that_is_all_padding_is_refused(padded: Padded) -> None:
    with pytest.raises(BadInputError, match=r"series 1\.2\.3\.4: PixelPaddingValue: every pixel is padding"):
        padded(7, PixelPaddingValue=0, PixelPaddingRangeLimit=1000)
    with pytest.raises(BadInputError, match=r"series 1\.2\.3\.4: 0: PixelPaddingValue: found"):
        padded(7, PixelPaddingValue=[0, 1], PixelPaddingRangeLimit=[1, 2])
