"""Files without a preamble, without a file meta group, or without both."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom import volume_of
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.dicom_layout import layout_of
from mgi.modalities.flair.new_series import read_dicom_input
from mgi.modalities.flair.sources.dicom_folder import DicomImages
from mgi.release.new_image import kind_of

PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8)
MrFile = Callable[..., bytes]
SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


def bare(data: bytes, syntax: str) -> bytes:
    """The data set alone, in a syntax that nothing states."""
    target = io.BytesIO()
    written = DicomFileLike(target)
    written.is_little_endian, written.is_implicit_VR = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    dataset = pydicom.dcmread(io.BytesIO(data))
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    write_dataset(written, dataset)
    return target.getvalue()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_file_without_preamble_and_meta_group_is_read_as_with_them(mr_file: MrFile, syntax: str) -> None:
    tags = {"ImageType": ["ORIGINAL", "PRIMARY"], "StudyDate": "19990101", "Manufacturer": "GE"}
    data = mr_file(PIXELS, tags=tags)
    other = ("y", mr_file(PIXELS, position=(0, 0, 5)))
    whole, found = (volume_of([("x", one), other], "1.2.3.4").voxels for one in (data, bare(data, syntax)))
    assert np.array_equal(found, whole)
    assert DicomFile(bare(data, syntax), "x").texts("SOPInstanceUID") == DicomFile(data, "x").texts("SOPInstanceUID")


@pytest.mark.parametrize("syntax", SYNTAXES[:2])
def test_a_file_that_begins_with_its_meta_group_is_read(mr_file: MrFile, syntax: str) -> None:
    data = mr_file(PIXELS, syntax=syntax)
    for cut in (data[132:], data[128:], b"\1" * 132 + data[132:]):
        file = DicomFile(cut, "x")
        assert (file.texts("SOPInstanceUID"), bytes(file.pixels or b"")) == (
            DicomFile(data, "x").texts("SOPInstanceUID"),
            PIXELS.tobytes(),
        )


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_preamble_without_a_meta_group_is_read(mr_file: MrFile, syntax: str) -> None:
    assert DicomFile(b"\0" * 128 + b"DICM" + bare(mr_file(PIXELS), syntax), "x").texts("SOPInstanceUID") == (
        "1.2.3.4.1.0",
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"\x08\0", b"free to use\n" * 40, b"\0" * 4000, bytes(range(256)) * 9, b"\x08\0\x05\0CS\x04\0ISO " * 9],
    ids=["empty", "short", "text", "zeros", "bytes", "repeats"],
)
def test_what_names_no_object_is_no_dicom(content: bytes) -> None:
    assert layout_of(content) is None
    with pytest.raises(BadInputError, match="expected DICOM"):
        DicomFile(content, "x")


def test_random_bytes_are_no_dicom() -> None:
    random = np.random.default_rng(3)
    for _ in range(300):
        data = random.bytes(600)
        assert layout_of(data) is None
        assert layout_of(b"\x08\0" + data) is None


def test_compressed_pixels_without_a_syntax_are_refused(mr_file: MrFile) -> None:
    image = pydicom.dcmread(io.BytesIO(mr_file(PIXELS)))
    image.compress("1.2.840.10008.1.2.5")
    written = io.BytesIO()
    image.save_as(written)
    start = written.getvalue().index(b"\x08\0\x16\0UI")
    with pytest.raises(BadInputError, match="PixelData"):
        volume_of([("x", written.getvalue()[start:])], "1.2.3.4")


def test_slices_of_a_folder_without_preamble_are_counted_and_read(mr_file: MrFile, tmp_path: Path) -> None:
    for k in range(20):
        tags = {"PatientID": "P1", "StudyInstanceUID": "1.2", "SeriesDescription": "AX FLAIR"}
        data = mr_file(PIXELS + k, position=(0, 0, 5.0 * k), instance=k + 1, tags=tags)
        (tmp_path / f"{k:03d}").write_bytes(bare(data, SYNTAXES[k % 3]) if k >= 14 else data)
    source = DicomImages(folder=tmp_path)
    (item,) = source.lock(source.discover()).items
    assert (item.number("n_images"), item.chosen) == (20, True)
    assert source.fetch(item, tmp_path).rejected is None
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(read_dicom_input(tmp_path, names, None).volume.voxels) == 20
    assert kind_of(tmp_path / "019") == "dicom"


@pytest.mark.parametrize("name", ["x.dcm", "x.IMA"])
def test_a_file_that_is_dicom_by_name_alone_stops_the_folder(mr_file: MrFile, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<html>not found</html>" * 9)
    with pytest.raises(BadInputError, match=rf"{name}: 198 bytes that are no DICOM"):
        DicomImages(folder=tmp_path).discover()
