import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mgi.core.errors import BadInputError
from mgi.modalities.flair import slice_image
from mgi.modalities.flair.slice_image import pixels_of

GREY = np.random.default_rng(0).integers(0, 256, (6, 8), dtype=np.uint8)
DEEP = GREY.astype(np.uint16) << 8 | 7


def packed(image: Image.Image | np.ndarray, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, format=file_format, **options)
    return buffer.getvalue()


def png(bits: int, colour: int, row: bytes, n_rows: int = 6) -> bytes:
    """A PNG 8 pixels wide of any depth, each row of which holds these bytes; Pillow writes few of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 8, n_rows, bits, colour, 0, 0, 0)
    rows = zlib.compress((b"\0" + row) * n_rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff(bits: int, pixels: bytes, *, channels: int = 1, photometric: int = 1, order: str = "<") -> bytes:
    """An uncompressed TIFF of 8 x 6 pixels of any depth."""
    entries = [
        (256, 3, 1, 8), (257, 3, 1, 6), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, photometric),
        (273, 4, 1, 200), (277, 3, 1, channels), (278, 3, 1, 6), (279, 4, 1, len(pixels)),
    ]  # fmt: skip
    if channels > 1:  # three depths do not fit in the entry
        entries[2] = (258, 3, channels, 180)

    def packed_entry(tag: int, kind: int, count: int, value: int) -> bytes:
        held = (value, 0) if (kind, count) == (3, 1) else (value,)
        return struct.pack(f"{order}HHI" + ("HH" if len(held) == 2 else "I"), tag, kind, count, *held)

    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = (
        mark
        + struct.pack(f"{order}IH", 8, len(entries))
        + b"".join(packed_entry(*entry) for entry in entries)
        + bytes(4)
    )
    return head.ljust(180, b"\0") + struct.pack(f"{order}10H", *[bits] * 10) + pixels


@pytest.mark.parametrize("name", ["a.tif", "a.tiff", "A.TIF", "a.png"])
@pytest.mark.parametrize("pixels", [GREY, DEEP, np.stack([GREY, GREY + 1, GREY], -1)], ids=["8", "16", "RGB"])
def test_pixels_come_as_they_were_stored(name: str, pixels: np.ndarray) -> None:
    found = pixels_of(packed(pixels, "PNG" if name.endswith("png") else "TIFF"), name)
    assert found.dtype == pixels.dtype
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_order_of_bytes_in_a_tiff_is_no_matter(order: str) -> None:
    found = pixels_of(tiff(16, DEEP.astype(f"{order}u2").tobytes(), order=order), "a.tif")
    assert np.array_equal(found, DEEP)
    assert found.dtype == np.uint16
    assert found.dtype.isnative


def test_a_tiff_whose_white_is_zero_is_inverted_at_8_bits_and_refused_at_16() -> None:
    assert np.array_equal(pixels_of(tiff(8, GREY.tobytes(), photometric=0), "a.tif"), 255 - GREY)
    with pytest.raises(BadInputError, match=r"a\.tif: mode I;16 of 16 bits, white is zero, expected grey"):
        pixels_of(tiff(16, DEEP.tobytes(), photometric=0), "a.tif")


REFUSED = {
    "RGBA.png": (packed(Image.new("RGBA", (8, 6)), "PNG"), "mode RGBA of 8 bits"),
    "RGBA.tif": (packed(Image.new("RGBA", (8, 6)), "TIFF"), "mode RGBA of 8 bits"),
    "alpha.png": (packed(Image.new("LA", (8, 6)), "PNG"), "mode LA of 8 bits"),
    "palette.png": (packed(Image.new("P", (8, 6)), "PNG"), r"mode P of \d bits"),
    "palette.tif": (packed(Image.new("P", (8, 6)), "TIFF"), "mode P of 8 bits"),
    "bit.png": (packed(Image.new("1", (8, 6)), "PNG"), "mode 1 of 1 bits"),
    "bit.tif": (packed(Image.new("1", (8, 6)), "TIFF"), "mode 1 of 1 bits"),
    "four.png": (png(4, 0, bytes(4)), "mode L of 4 bits"),
    "four.tif": (tiff(4, bytes(24)), "mode L of 4 bits"),
    "twelve.tif": (tiff(12, bytes(72)), "mode I;16 of 12 bits"),
    "deep RGB.png": (png(16, 2, bytes(48)), "mode RGB of 16 bits"),
    "deep RGB.tif": (tiff(16, bytes(288), channels=3, photometric=2), "mode RGB of 16 bits"),
    "float.tif": (packed(GREY.astype(np.float32), "TIFF"), "mode F of 32 bits"),
    "int.tif": (packed(GREY.astype(np.int32), "TIFF"), "mode I of 32 bits"),
    "cmyk.tif": (packed(Image.new("CMYK", (8, 6)), "TIFF"), "mode CMYK of 8 bits"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_other_channels_or_depths_is_one_line(name: str) -> None:
    data, said = REFUSED[name]
    with pytest.raises(BadInputError, match=rf"^{name}: {said}, expected grey of 8 or 16 bits or RGB of 8$"):
        pixels_of(data, name)


@pytest.mark.parametrize(("name", "file_format"), [("a.tif", "TIFF"), ("a.png", "PNG")])
def test_a_file_of_several_images_is_no_slice(name: str, file_format: str) -> None:
    data = packed(GREY, file_format, save_all=True, append_images=[Image.fromarray(255 - GREY)])
    with pytest.raises(BadInputError, match=rf"{name}: holds several images"):
        pixels_of(data, name)


def test_a_format_under_the_other_ones_name_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"a\.tif: not readable as TIFF"):
        pixels_of(packed(GREY, "PNG"), "a.tif")
    with pytest.raises(BadInputError, match=r"a\.png: not readable as PNG"):
        pixels_of(packed(GREY, "TIFF"), "a.png")


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_a_damaged_file_is_refused_and_so_is_one_that_claims_too_many_pixels(name: str, monkeypatch) -> None:
    whole = packed(GREY, "PNG" if name.endswith("png") else "TIFF")
    for data in (b"", b"<html>", whole[:12], whole[: len(whole) // 2]):
        with pytest.raises(BadInputError, match=name):
            pixels_of(data, name)
    monkeypatch.setattr(slice_image, "MAX_PIXELS", 47)
    with pytest.raises(BadInputError, match=rf"{name}: L \(8, 6\), expected at most"):
        pixels_of(whole, name)


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_only_named_errors_leave_the_reader_whatever_bytes_are_changed(name: str) -> None:
    whole, rng, refused = packed(DEEP, "PNG" if name.endswith("png") else "TIFF"), np.random.default_rng(0), 0
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        try:
            pixels_of(bytes(data), name)
        except BadInputError:
            refused += 1
    assert refused > 20
