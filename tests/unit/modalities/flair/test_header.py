import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mgi.modalities.flair.complex_part import complex_part
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.header import KEYWORDS, TAGS, header_of, read_plain, sequence_tags, text_of

PIXELS = np.arange(6, dtype=np.uint16).reshape(2, 3)
MrFile = Callable[..., bytes]
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


@pytest.mark.parametrize("options", [{}, {"syntax": ImplicitVRLittleEndian}])
def test_every_element_says_what_pydicom_says(options: dict[str, str], mr_file: Callable[..., bytes]) -> None:
    tags = {"ScanningSequence": ["SE", "IR"], "EchoTime": 120.5, "RescaleSlope": "1e-2", "AcquisitionNumber": 3}
    dataset = pydicom.dcmread(io.BytesIO(mr_file(PIXELS, tags=tags, **options)))
    header = header_of(dataset)
    assert sorted(header) == sorted(keyword for keyword in KEYWORDS if TAGS[keyword] in dataset)
    for keyword, value in header.items():
        expected = dataset[keyword].value
        if isinstance(value, list):
            assert value == list(expected), keyword
        else:
            assert value == expected, keyword


def test_an_empty_element_is_none_and_an_absent_one_is_not_there(mr_file: Callable[..., bytes]) -> None:
    header = header_of(
        pydicom.dcmread(io.BytesIO(mr_file(PIXELS, tags={"RescaleSlope": "", "FrameOfReferenceUID": ""})))
    )
    assert header["RescaleSlope"] is None
    assert (text_of(header, "FrameOfReferenceUID"), text_of(header, "SliceThickness")) == ("", "")
    assert "SliceThickness" not in header


def test_padding_of_text_is_cut_off(mr_file: Callable[..., bytes]) -> None:
    header = header_of(pydicom.dcmread(io.BytesIO(mr_file(PIXELS, tags={"ScanningSequence": "SE", "EchoTime": "9 "}))))
    assert (text_of(header, "SeriesInstanceUID"), header["EchoTime"]) == ("1.2.3.4", 9.0)


def with_sequence(data: bytes, *, undefined: bool, depth: int = 1) -> bytes:
    """The file with a nest of sequences, their lengths stated or marked by delimiters."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    inner: Any = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    for _ in range(depth):
        outer = Dataset()
        inner.is_undefined_length_sequence_item = undefined
        outer.ReferencedImageSequence = Sequence([inner, Dataset()])
        outer["ReferencedImageSequence"].is_undefined_length = undefined
        inner = outer
    dataset.ReferencedImageSequence = inner.ReferencedImageSequence
    dataset["ReferencedImageSequence"].is_undefined_length = undefined
    written = io.BytesIO()
    dataset.save_as(written)
    return written.getvalue()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_header_and_pixels_are_those_of_pydicom(mr_file: MrFile, syntax: str) -> None:
    data = mr_file(PIXELS, syntax=syntax)
    plain = DicomFile(data, "x")
    assert plain.pixels is not None
    assert plain.header == header_of(plain.dataset)
    assert bytes(plain.pixels) == plain.dataset.PixelData


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("depth", [1, 3])
def test_sequences_are_stepped_over(mr_file: MrFile, syntax: str, undefined: bool, depth: int) -> None:
    data = with_sequence(mr_file(PIXELS, syntax=syntax), undefined=undefined, depth=depth)
    plain = DicomFile(data, "x")
    assert plain.pixels is not None
    assert plain.header == header_of(plain.dataset)
    assert bytes(plain.pixels) == PIXELS.tobytes()


def test_a_nest_too_deep_is_left_to_pydicom(mr_file: MrFile) -> None:
    assert DicomFile(with_sequence(mr_file(PIXELS), undefined=True, depth=12), "x").pixels is None


def test_a_big_endian_file_is_left_to_pydicom(mr_file: MrFile) -> None:
    assert DicomFile(mr_file(PIXELS, syntax=ExplicitVRBigEndian), "x").pixels is None


def test_every_shortened_file_is_left_to_pydicom(mr_file: MrFile) -> None:
    data = with_sequence(mr_file(PIXELS), undefined=True)
    assert read_plain(data) is not None
    for end in range(len(data)):
        assert read_plain(data[:end]) is None, end


def test_bytes_behind_the_last_element_are_left_to_pydicom(mr_file: MrFile) -> None:
    assert read_plain(mr_file(PIXELS) + b"\0\0") is None


def test_repeated_tags_are_left_to_pydicom(mr_file: MrFile) -> None:
    data = mr_file(PIXELS)
    rows = struct.pack("<HH2sHH", 0x0028, 0x0010, b"US", 2, 2)
    at = data.index(rows)
    assert read_plain(data[:at] + rows + data[at:]) is None


def test_several_frames_and_wide_pixels_are_left_to_pydicom(mr_file: MrFile) -> None:
    assert DicomFile(mr_file(PIXELS, tags={"NumberOfFrames": 2}), "x").pixels is None
    assert DicomFile(mr_file(PIXELS, tags={"BitsAllocated": 32}), "x").pixels is None


@pytest.mark.parametrize("syntax", [*SYNTAXES, ExplicitVRBigEndian])
@pytest.mark.parametrize(("representation", "expected"), [(0, 0xF830), (1, -2000)])
def test_padding_has_the_sign_of_the_pixels(mr_file: MrFile, syntax: str, representation: int, expected: int) -> None:
    said = expected if syntax != ExplicitVRLittleEndian else -2000 if representation == 0 else 0xF830
    tags = {"PixelRepresentation": representation, "PixelPaddingRangeLimit": 7}
    data = mr_file(PIXELS, tags=tags, syntax=syntax)
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.add_new("PixelPaddingValue", "SS" if said < 0 else "US", said)
    written = io.BytesIO()
    dataset.save_as(written)
    header = DicomFile(written.getvalue(), "x").header
    assert (header["PixelPaddingValue"], header["PixelPaddingRangeLimit"]) == (expected, 7)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_an_image_is_and_whose_is_read(mr_file: MrFile, syntax: str) -> None:
    tags = {"ImageType": ["DERIVED", "SECONDARY", "MPR"], "ComplexImageComponent": "MAGNITUDE", "PatientID": "a b "}
    plain = DicomFile(mr_file(PIXELS, tags=tags, syntax=syntax), "x")
    assert plain.pixels is not None
    found = {keyword: plain.header[keyword] for keyword in tags}
    assert found == {**tags, "PatientID": "a b"}
    assert plain.header == header_of(plain.dataset)
    assert sequence_tags(plain.header)["ImageType"] == tags["ImageType"]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("kind", ["SS", "UN"])
def test_ges_private_element_is_read_however_it_is_written(
    mr_file: Callable[..., bytes], syntax: str, kind: str
) -> None:
    dataset = pydicom.dcmread(io.BytesIO(mr_file(np.arange(12, dtype=np.uint16).reshape(3, 4), syntax=syntax)))
    dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    dataset.add_new(0x0043102F, kind, 1 if kind == "SS" else np.array([1], f"{order}i2").tobytes())
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    read = read_plain(buffer.getvalue())
    assert (read is None) == (syntax == ExplicitVRBigEndian)
    header = header_of(pydicom.dcmread(io.BytesIO(buffer.getvalue())))
    for found in [header] if read is None else [header, read[1]]:
        assert complex_part(found, "x") == "phase"
