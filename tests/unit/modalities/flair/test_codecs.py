import io
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate

from mgi.core.errors import BadInputError, ResourceError
from mgi.modalities.flair import codecs
from mgi.modalities.flair.codecs import (
    BY_EXTRA,
    BY_PILLOW,
    TRANSFER_SYNTAXES,
    UNCOMPRESSED,
    decode_frame,
    is_available,
    register_decoders,
    require_decoder,
)
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.dicom_slices import slices_of

RNG = np.random.default_rng(0)
# The same image in eight files, all of them in pydicom's wheel.
OF_ONE_IMAGE = ("implicit", "bigendian", "expb", "RLE", "padded", "jp2klossless", "jpeg_ls_lossless")
NO_EXTRA = "the extra codecs (imagecodecs) is not installed"


def bundled(name: str) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = get_testdata_file(name, download=False)
    assert isinstance(path, str), f"{name} is not in the wheel of pydicom"
    with open(path, "rb") as source:  # noqa: PTH123
        return source.read()


def syntax_of(data: bytes) -> uid.UID:
    return pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True).file_meta.TransferSyntaxUID


@pytest.mark.parametrize("name", OF_ONE_IMAGE)
def test_every_syntax_gives_the_pixels_of_the_plain_file(name: str) -> None:
    data = bundled(f"MR_small_{name}.dcm")
    if syntax_of(data) in BY_EXTRA and not is_available(syntax_of(data)):
        pytest.skip(NO_EXTRA)
    (found,), (plain,) = slices_of(DicomFile(data, name)), slices_of(DicomFile(bundled("MR_small.dcm"), "plain"))
    assert np.array_equal(found.stored, plain.stored)
    assert found.placement.position.tolist() == plain.placement.position.tolist()


@pytest.mark.parametrize("name", ["JPEGLSNearLossless_16.dcm", "JPEGLSNearLossless_08.dcm", "JPGExtended.dcm"])
def test_the_extra_decodes_its_other_syntaxes(name: str) -> None:
    data = bundled(name)
    if not is_available(syntax_of(data)):
        pytest.skip(NO_EXTRA)
    register_decoders()
    dataset = pydicom.dcmread(io.BytesIO(data))
    pixels = dataset.pixel_array
    assert pixels.shape[:2] == (dataset.Rows, dataset.Columns)
    assert len(np.unique(pixels)) > 5


def test_the_syntaxes_of_bundled_images_are_read_or_need_the_extra() -> None:
    wanted = {syntax_of(bundled(f"MR_small_{name}.dcm")) for name in OF_ONE_IMAGE}
    assert wanted <= TRANSFER_SYNTAXES
    assert wanted & UNCOMPRESSED
    assert wanted & BY_PILLOW
    assert wanted & BY_EXTRA


@pytest.mark.parametrize("syntax", sorted(BY_EXTRA))
def test_a_missing_decoder_is_one_line_with_file_syntax_and_remedy(
    syntax: uid.UID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "register_decoders", lambda: None)
    monkeypatch.setattr(codecs, "get_decoder", lambda _: SimpleNamespace(is_available=False))
    with pytest.raises(ResourceError, match=r"^series 1: 7\.dcm: TransferSyntaxUID JPEG.*pip install imagecodecs"):
        require_decoder(syntax, "series 1: 7.dcm")


def test_without_the_extra_a_jpeg_ls_file_stops_with_that_line() -> None:
    if is_available(uid.JPEGLSLossless):
        pytest.skip("the extra codecs is installed")
    with pytest.raises(ResourceError, match=r"^a\.dcm: TransferSyntaxUID JPEG-LS Lossless.*pip install imagecodecs"):
        slices_of(DicomFile(bundled("MR_small_jpeg_ls_lossless.dcm"), "a.dcm"))


@pytest.mark.parametrize("syntax", [uid.DeflatedExplicitVRLittleEndian, uid.MPEG2MPML, uid.HTJ2K, "1.2.3", None])
def test_what_is_never_read_asks_for_no_decoder(syntax: str | None) -> None:
    with pytest.raises(BadInputError, match=r"x: TransferSyntaxUID .*RLE or JPEG"):
        require_decoder(syntax, "x")


def test_registering_twice_changes_nothing() -> None:
    register_decoders()
    register_decoders()
    decoder = pydicom.pixels.get_decoder(uid.JPEGLossless)
    known = [*decoder.available_plugins, *(text.split(" - ")[0] for text in decoder.missing_dependencies)]
    assert known.count("mgi") == 1


class Runner(SimpleNamespace):
    """What pydicom tells a decoder of a frame."""

    def set_option(self, name: str, value: Any) -> None:
        setattr(self, name, value)


def runner(syntax: str, shape: tuple[int, ...] = (3, 4)) -> Runner:
    samples = shape[2] if len(shape) > 2 else 1
    return Runner(transfer_syntax=syntax, rows=shape[0], columns=shape[1], samples_per_pixel=samples)


def frame_of(rows: int, columns: int, marker: int = 0xC3) -> bytes:
    """The start of a JPEG stream: a comment, fill bytes, then the header of a frame of one component."""
    size = rows.to_bytes(2, "big") + columns.to_bytes(2, "big")
    return b"\xff\xd8\xff\xfe\x00\x05abc\xff\xff" + bytes([marker]) + b"\x00\x0b\x10" + size + b"\x01\x01\x11\x00"


def library(monkeypatch: pytest.MonkeyPatch, name: str, pixels: np.ndarray) -> list[bytes]:
    """Stand in for imagecodecs; the list holds the frames that it was given."""
    given: list[bytes] = []
    fake = SimpleNamespace(**{name: lambda frame: given.append(frame) or pixels})
    monkeypatch.setattr(codecs, "imagecodecs", fake)
    return given


@pytest.mark.parametrize(
    ("syntax", "function", "marker"),
    [(uid.JPEGLSLossless, "jpegls_decode", 0xF7), (uid.JPEGLossless, "jpeg8_decode", 0xC3)],
)
def test_a_frame_goes_to_the_library_of_its_syntax(
    syntax: str, function: str, marker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, told = RNG.integers(0, 4096, (3, 4)).astype(np.uint16), runner(syntax)
    given = library(monkeypatch, function, pixels)
    assert decode_frame(frame_of(3, 4, marker), told) == pixels.astype("<u2").tobytes()
    assert (told.bits_allocated, len(given)) == (16, 1)


def test_colour_comes_by_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    library(monkeypatch, "jpeg8_decode", np.zeros((3, 4, 3), np.uint8))
    told = runner(uid.JPEGLossless, (3, 4, 3))
    decode_frame(frame_of(3, 4), told)
    assert (told.planar_configuration, told.bits_allocated) == (0, 8)


@pytest.mark.parametrize(
    "frame", [frame_of(60_000, 60_000), frame_of(3, 5), frame_of(3, 4)[:12], b"", b"\xff\xd8ab" * 9]
)
def test_a_frame_that_claims_another_size_than_the_file_is_never_unpacked(
    frame: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = library(monkeypatch, "jpegls_decode", np.zeros((3, 4), np.uint8))
    with pytest.raises(ValueError, match=r"JPEG .*\(3, 4\)"):
        decode_frame(frame, runner(uid.JPEGLSLossless))
    assert given == []


def test_pixels_of_another_size_than_claimed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    library(monkeypatch, "jpegls_decode", np.zeros((3, 5), np.uint8))
    with pytest.raises(ValueError, match=r"pixels .*\(3, 5\).*\(3, 4\)"):
        decode_frame(frame_of(3, 4), runner(uid.JPEGLSLossless))


@pytest.mark.parametrize("syntax", [uid.JPEGLossless, uid.JPEGLosslessSV1])
@pytest.mark.parametrize("signed", [False, True])
def test_lossless_jpeg_gives_back_every_pixel(syntax: str, signed: bool, mr_file: Callable[..., bytes]) -> None:
    imagecodecs = pytest.importorskip("imagecodecs", reason=NO_EXTRA)
    bits = RNG.integers(0, 4096, (16, 24)).astype(np.uint16)
    expected = ((bits << 4).view(np.int16) >> 4) if signed else bits
    dataset = pydicom.dcmread(io.BytesIO(mr_file(expected)))
    dataset.PixelData = encapsulate([imagecodecs.jpeg8_encode(bits, lossless=True, bitspersample=12, predictor=1)])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    assert np.array_equal(slices_of(DicomFile(buffer.getvalue(), "x"))[0].stored, expected)
