"""What is accepted when a file is fetched is what is accepted when the shard is made, and nothing else."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from mgi.core.errors import MgiError
from mgi.modalities.flair.dicom import volume_of
from mgi.modalities.flair.dicom_seg import segmentations_of
from mgi.modalities.flair.sources.dicom_check import disorder_of, read_file

MR, SEG = "1.2.3.4", "1.2.3.9"
PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8)
Maker = Callable[..., bytes]


def refused(action: Callable[[], Any]) -> str | None:
    try:
        return action()
    except MgiError as error:
        return str(error)


def at_fetch(data: bytes, series: str, role: str) -> str | None:
    return refused(lambda: read_file(data, f"series {series}: image 1.dcm", series=series, role=role).fault)


def at_shard(data: bytes, series: str, role: str) -> str | None:
    """Why the file is refused; what is wrong with the series of this one slice (no spacing) is no fault of the file."""

    def read() -> None:
        segmentations_of([("1.dcm", data)], series) if role == "mask" else volume_of([("1.dcm", data)], series)

    reason = refused(read)
    return reason if reason is None or "1.dcm: " in reason else None


def same(data: bytes, series: str = MR, role: str = "flair") -> bool:
    """Whether both refuse the file, for one reason; returns the verdict."""
    fetched, sharded = at_fetch(data, series, role), at_shard(data, series, role)
    assert (fetched is None) == (sharded is None), (fetched, sharded)
    if fetched is not None and sharded is not None:
        reasons = [text.removeprefix(f"series {series}: ").split("1.dcm: ", 1)[-1] for text in (fetched, sharded)]
        assert reasons[0][:100] == reasons[1][:100]  # long ones are cut
    return fetched is None


TAGS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"PhotometricInterpretation": "MONOCHROME1"}, True),
    ({"PixelData": PIXELS.tobytes() + bytes(6)}, True),
    ({"PixelData": PIXELS.tobytes()[:-2]}, False),
    ({"PixelData": b""}, False),
    ({"PixelData": None}, False),
    ({"EchoTime": [20.0, 110.0]}, False),
    ({"ScanningSequence": ["SE", "IR"], "EchoTime": ""}, True),
    ({"HighBit": 15}, False),
    ({"BitsStored": 20, "HighBit": 19}, False),
    ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, False),
    ({"Rows": 60_000, "Columns": 60_000}, False),
    ({"Rows": 0}, False),
    ({"Rows": 5}, True),
    ({"Columns": None}, False),
    ({"NumberOfFrames": 2}, False),
    ({"SamplesPerPixel": 3}, False),
    ({"PhotometricInterpretation": "RGB"}, False),
    ({"PixelSpacing": None}, False),
    ({"PixelSpacing": [0, 1]}, False),
    ({"ImagePositionPatient": None}, False),
    ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, False),
    ({"RescaleSlope": 0}, False),
    ({"SeriesInstanceUID": "1.2.3.5"}, False),
    ({"InstanceNumber": ""}, True),
]


@pytest.mark.parametrize(("tags", "accepted"), TAGS)
@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
def test_an_image_has_one_verdict(mr_file: Maker, tags: dict[str, Any], accepted: bool, syntax: str | None) -> None:
    options = {} if syntax is None else {"syntax": syntax}
    assert same(mr_file(PIXELS, tags={"SliceThickness": 5.0, **tags}, **options)) == accepted


def compressed(data: bytes) -> bytes:
    dataset, written = pydicom.dcmread(io.BytesIO(data)), io.BytesIO()
    dataset.compress(RLELossless)
    dataset.save_as(written)
    return written.getvalue()


def test_other_syntaxes_have_one_verdict(mr_file: Maker) -> None:
    image = mr_file(PIXELS, tags={"SliceThickness": 5.0})
    packed = compressed(image)
    assert same(packed)
    assert not same(packed[:-40])
    assert not same(packed.replace(b"MONOCHROME2 ", b"PALETTECOLOR"))
    swapped = {"SliceThickness": 5.0, "PixelData": PIXELS.astype(">u2").tobytes()}
    assert same(mr_file(PIXELS, syntax=ExplicitVRBigEndian, tags=swapped))


@pytest.mark.parametrize("keep", [0, 100, 140, 300, 500, -60])
def test_a_cut_file_has_one_verdict(mr_file: Maker, keep: int) -> None:
    assert not same(mr_file(PIXELS, tags={"SliceThickness": 5.0})[:keep])


def test_every_flipped_byte_of_a_header_has_one_verdict(mr_file: Maker) -> None:
    whole = mr_file(PIXELS, tags={"SliceThickness": 5.0, "EchoTime": 120.0, "RescaleSlope": "1"})
    for place in range(132, len(whole) - PIXELS.nbytes, 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0x15
        same(bytes(damaged))


@pytest.mark.parametrize(
    ("options", "accepted"),
    [
        ({}, True),
        ({"kind": "FRACTIONAL"}, True),
        ({"tags": {"SegmentationType": "OTHER"}}, False),
        ({"tags": {"NumberOfFrames": 3}}, False),
        ({"tags": {"PixelData": bytes(2)}}, False),
        ({"tags": {"SeriesInstanceUID": "1.9.9"}}, False),
        ({"spacing": (0.0, 1.0)}, False),
        ({"axes": (1, 0, 0, 1, 0, 0)}, False),
    ],
)
def test_a_segmentation_has_one_verdict(seg_file: Maker, options: dict[str, Any], accepted: bool) -> None:
    frames = np.zeros((2, 6, 8), np.uint8)
    frames[:, 2:4, 3:5] = 200 if options.get("kind") == "FRACTIONAL" else 1
    data = seg_file(frames, [(0, 0, 0), (0, 0, 5)], **options)
    assert same(data, SEG, "mask") == accepted
    same(data, SEG)


def test_an_image_is_no_mask(mr_file: Maker) -> None:
    assert not same(mr_file(PIXELS), MR, "mask")


def judged(files: list[bytes]) -> str | None:
    """Why the series that these files make is refused as a whole at fetch; each file is sound."""
    read = [read_file(data, f"{place}", series=MR, role="flair") for place, data in enumerate(files)]
    assert [one.fault for one in read] == [None] * len(files)
    return disorder_of(read, MR)


def test_a_series_is_judged_at_fetch_as_its_shard_will_be(mr_file: Maker) -> None:
    rng = np.random.default_rng(0)
    levels = [rng.integers(100, 900, (6, 8)).astype(np.uint16) for _ in range(10)]
    tags = {"ImageType": ["ORIGINAL", "PRIMARY", "M"]}

    def scan(heights: Any, first: int = 1, pixels: Any = levels, **own: Any) -> list[bytes]:
        return [
            mr_file(pixels[k % 10], position=(0, 0, float(z)), instance=first + k, tags={**tags, **own})
            for k, z in enumerate(heights)
        ]

    whole = scan(np.arange(10) * 5)
    assert judged(whole) is None
    assert judged([*whole, *scan(np.arange(10) * 5, 11, levels[::-1], ImageType=["ORIGINAL", "PRIMARY", "P"])]) is None
    saturated = [np.where(np.arange(8) > 5, 4095, one // 10).astype(np.uint16) for one in levels]
    for files, reason in (
        (scan([*(5 * np.arange(5)), *(20 + 7 * np.arange(1, 6))]), "ImagePositionPatient: instance "),
        (scan(np.arange(10) * 5, AcquisitionNumber=1) + scan(2 + np.arange(10) * 5, 11, AcquisitionNumber=2),
         "AcquisitionNumber: found 1, 2 "),
        (scan(np.arange(10) * 5, ImageType=["ORIGINAL", "PRIMARY", "R"]), "ImageType: every image is real"),
        (scan(np.arange(10) * 5, pixels=saturated), "voxels: those above the mean are nearly of one level"),
    ):  # fmt: skip
        found = judged(files)
        assert found is not None
        assert found.startswith(reason)
    assert judged(scan(np.arange(10) * 5, pixels=saturated, PixelPaddingValue=4095)) is None
