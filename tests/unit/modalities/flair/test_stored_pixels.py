from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.dicom_slices import slices_of

PIXELS = np.array([[0, 1, 4095], [7, 8, 9]], np.uint16)
MrFile = Callable[..., bytes]


def stored(data: bytes) -> Any:
    return slices_of(DicomFile(data, "x"))[0].stored


def test_every_uncompressed_syntax_gives_the_same_values(mr_file: MrFile) -> None:
    swapped = {"PixelData": PIXELS.astype(">u2").tobytes()}
    for options in ({}, {"syntax": ImplicitVRLittleEndian}, {"syntax": ExplicitVRBigEndian, "tags": swapped}):
        assert stored(mr_file(PIXELS, **options)).tolist() == PIXELS.tolist()


def test_plain_pixels_are_not_copied(mr_file: MrFile) -> None:
    assert not stored(mr_file(PIXELS)).flags.owndata


def test_bits_that_are_not_stored_say_nothing(mr_file: MrFile) -> None:
    """Twelve bits of sixteen: old files kept overlays in the other four."""
    assert stored(mr_file(PIXELS | 0xA000)).tolist() == PIXELS.tolist()


def test_signed_values_of_twelve_bits_keep_their_sign_whatever_the_other_bits_hold(mr_file: MrFile) -> None:
    signed = np.array([[-2048, -1, 0], [1, 2047, -7]], np.int16)
    assert stored(mr_file(signed)).tolist() == signed.tolist()
    assert stored(mr_file((signed & 0x0FFF).astype(np.int16))).tolist() == signed.tolist()


def test_eight_bits_are_read(mr_file: MrFile) -> None:
    small = PIXELS.astype(np.uint8)
    tags = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": small.tobytes()}
    assert stored(mr_file(PIXELS, tags=tags)).tolist() == small.tolist()


def test_padding_after_the_pixels_is_ignored(mr_file: MrFile) -> None:
    assert stored(mr_file(PIXELS, tags={"PixelData": PIXELS.tobytes() + bytes(6)})).tolist() == PIXELS.tolist()


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"PixelData": bytes(10)}, "PixelData: 10 .*12"),
        ({"HighBit": 15}, "BitsStored 12, HighBit 15"),
        ({"BitsStored": 0, "HighBit": 65535}, "BitsStored 0"),
        ({"BitsStored": 20, "HighBit": 19}, "BitsStored 20"),
        ({"PhotometricInterpretation": "RGB"}, "PhotometricInterpretation RGB"),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "ValueError"),
    ],
)
def test_pixels_out_of_form_are_refused(mr_file: MrFile, tags: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        stored(mr_file(PIXELS, tags=tags))


def test_white_is_the_smallest_value_in_monochrome1(mr_file: MrFile) -> None:
    assert stored(mr_file(PIXELS, tags={"PhotometricInterpretation": "MONOCHROME1"})).tolist() == [
        [4095, 4094, 0],
        [4088, 4087, 4086],
    ]
