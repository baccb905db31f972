import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom import Volume, volume_of
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.dicom_slices import functional_group, required_group, slices_of
from mgi.modalities.flair.sources.dicom_headers import read_dicom_header, series_of

UID = "1.2.3.4"
FRAMES = np.arange(4 * 3 * 5, dtype=np.uint16).reshape(4, 3, 5)
PIXELS = np.array([[0, 1, 4095], [7, 8, 9]], np.uint16)
MrFile = Callable[..., bytes]


def spacing_mm(volume: Volume) -> list[float]:
    """Slice, row and column steps of the volume's grid."""
    return list(np.linalg.norm(volume.affine[:3, :3], axis=0))


def group(**values: Any) -> DicomSequence:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return DicomSequence([item])


@pytest.fixture
def enhanced(mr_file: Callable[..., bytes]) -> Callable[..., bytes]:
    """An enhanced MR object of FRAMES, 5 mm apart in the given order; `shared` and `own` add or replace groups."""

    def make(
        order: Sequence[int] = (0, 1, 2, 3), own: Sequence[dict[str, Any]] | None = None, **shared: DicomSequence
    ) -> bytes:
        dataset = pydicom.dcmread(io.BytesIO(mr_file(FRAMES[0])))
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "InstanceNumber"):
            delattr(dataset, keyword)
        dataset.NumberOfFrames = len(order)
        dataset.PixelData = FRAMES[list(order)].tobytes()
        common = Dataset()
        groups = {
            "PlaneOrientationSequence": group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
            "PixelMeasuresSequence": group(PixelSpacing=[2.0, 3.0], SliceThickness=5.0),
            "PixelValueTransformationSequence": group(RescaleSlope=2, RescaleIntercept=-3),
            "MREchoSequence": group(EffectiveEchoTime=110.5),
            "MRTimingAndRelatedParametersSequence": group(RepetitionTime=9000.0),
            "MRModifierSequence": group(InversionRecovery="YES", InversionTimes=[2200.0]),
        }
        for name, value in {**groups, **shared}.items():
            if value is not None:
                setattr(common, name, value)
        dataset.SharedFunctionalGroupsSequence = DicomSequence([common])
        frames = []
        for place, k in enumerate(order):
            frame = Dataset()
            frame.PlanePositionSequence = group(ImagePositionPatient=[1.0, 2.0, 5.0 * k])
            for name, value in (own[place] if own else {}).items():
                setattr(frame, name, value)
            frames.append(frame)
        dataset.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        return buffer.getvalue()

    return make


def test_frames_are_ordered_by_position_and_rescaled_like_slices(enhanced: Callable[..., bytes]) -> None:
    volume = volume_of([("1.dcm", enhanced([2, 0, 3, 1]))], UID)
    assert np.array_equal(volume.voxels, FRAMES.astype(np.int16) * 2 - 3)
    assert spacing_mm(volume) == pytest.approx((5.0, 2.0, 3.0))
    assert (volume.affine @ [1, 1, 1, 1])[:3].tolist() == [1 + 3, 2 + 2, 5]


def test_the_tags_that_tell_a_flair_are_found_in_their_groups(enhanced: Callable[..., bytes]) -> None:
    first = slices_of(DicomFile(enhanced(), "x"))[0]
    tags = first.tags
    assert (tags["EchoTime"], tags["InversionTime"], tags["RepetitionTime"]) == (110.5, 2200.0, 9000.0)
    assert (tags["ScanningSequence"], first.placement.thickness_mm) == (["IR"], 5.0)


def test_a_frame_s_own_group_comes_before_the_shared_one(enhanced: Callable[..., bytes]) -> None:
    own = [{"PixelValueTransformationSequence": group(RescaleSlope=1, RescaleIntercept=k)} for k in range(4)]
    slices = slices_of(DicomFile(enhanced(own=own), "x"))
    assert [(entry.slope, entry.intercept) for entry in slices] == [(1, 0), (1, 1), (1, 2), (1, 3)]


def test_of_two_echoes_in_one_object_the_flair_is_taken(enhanced: Callable[..., bytes]) -> None:
    own = [
        {
            "PlanePositionSequence": group(ImagePositionPatient=[1.0, 2.0, 5.0 * (place // 2)]),
            "MREchoSequence": group(EffectiveEchoTime=(20.0, 110.0)[place % 2]),
        }
        for place in range(4)
    ]
    volume = volume_of([("1.dcm", enhanced(own=own))], UID)
    assert volume.voxels.tolist() == (FRAMES[1::2].astype(int) * 2 - 3).tolist()
    assert volume.notes == ("took the 2 of 4 slices with EchoTime 110",)


def test_an_enhanced_object_of_one_frame_is_a_single_slice(enhanced: Callable[..., bytes]) -> None:
    assert spacing_mm(volume_of([("1.dcm", enhanced([0]))], UID)) == pytest.approx((5.0, 2.0, 3.0))


def test_frames_without_a_group_each_are_refused(enhanced: Callable[..., bytes]) -> None:
    dataset = pydicom.dcmread(io.BytesIO(enhanced()))
    del dataset.PerFrameFunctionalGroupsSequence[3]
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    with pytest.raises(BadInputError, match=r"1\.dcm: NumberOfFrames 4: 3 PerFrameFunctionalGroups"):
        volume_of([("1.dcm", buffer.getvalue())], UID)


@pytest.mark.parametrize(
    ("name", "field"),
    [("PlaneOrientationSequence", "ImageOrientationPatient"), ("PixelMeasuresSequence", "PixelSpacing")],
)
def test_a_missing_group_is_refused_by_field(enhanced: Callable[..., bytes], name: str, field: str) -> None:
    with pytest.raises(BadInputError, match=rf"{field}: missing"):
        volume_of([("1.dcm", enhanced(**{name: None}))], UID)


def test_a_group_is_looked_up_by_frame() -> None:
    dataset = Dataset()
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence([Dataset(), Dataset()])
    dataset.PerFrameFunctionalGroupsSequence[1].MREchoSequence = group(EffectiveEchoTime=7.0)
    assert functional_group(dataset, 0, "MREchoSequence") is None
    assert required_group(dataset, 1, "MREchoSequence", "x").EffectiveEchoTime == 7.0
    with pytest.raises(BadInputError, match="x: frame 0: MREchoSequence: missing"):
        required_group(dataset, 0, "MREchoSequence", "x")


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


@pytest.mark.parametrize("stated", ["FrameType", "ComplexImageComponent"])
def test_of_the_frames_of_a_mixed_object_the_magnitude_is_taken(enhanced: Callable[..., bytes], stated: str) -> None:
    own = []
    for place in range(4):
        part = ("PHASE", "MAGNITUDE")[place % 2]
        value = ["ORIGINAL", "PRIMARY", part[0], "NONE"] if stated == "FrameType" else part
        own.append(
            {
                "PlanePositionSequence": group(ImagePositionPatient=[1.0, 2.0, 5.0 * (place // 2)]),
                "MRImageFrameTypeSequence": group(**{stated: value}),
            }
        )
    dataset = pydicom.dcmread(io.BytesIO(enhanced(own=own)))
    dataset.ImageType, dataset.ComplexImageComponent = ["ORIGINAL", "PRIMARY", "M", "NONE"], "MIXED"
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    volume = volume_of([("1.dcm", buffer.getvalue())], UID)
    assert volume.voxels.tolist() == (FRAMES[1::2].astype(int) * 2 - 3).tolist()
    assert volume.notes == ("took the 2 magnitude images, left out 2 that are phase",)


def test_frames_of_two_acquisitions_shifted_by_a_part_of_a_step_are_told_apart(enhanced: Callable[..., bytes]) -> None:
    def own(first: float) -> list[dict[str, Any]]:
        return [
            {
                "PlanePositionSequence": group(ImagePositionPatient=[1.0, 2.0, 5.0 * (place // 2) + 2.0 * (place % 2)]),
                "FrameContentSequence": group(FrameAcquisitionNumber=place % 2 + 1),
                "MREchoSequence": group(EffectiveEchoTime=(first, 110.0)[place % 2]),
            }
            for place in range(4)
        ]

    assert len(volume_of([("1.dcm", enhanced(own=own(20.0)))], UID).voxels) == 2
    with pytest.raises(BadInputError, match="AcquisitionNumber: found 1, 2 "):
        volume_of([("1.dcm", enhanced(own=own(110.0)))], UID)


def test_frames_that_are_not_evenly_spaced_are_refused_by_the_worst(enhanced: Callable[..., bytes]) -> None:
    own = [{"PlanePositionSequence": group(ImagePositionPatient=[1.0, 2.0, z])} for z in (0.0, 5.0, 11.0, 15.0)]
    with pytest.raises(BadInputError, match=r"instance 3, 3 of 4, lies 1\.00 mm"):
        volume_of([("1.dcm", enhanced(own=own))], UID)


@pytest.mark.parametrize(
    ("groups", "contradiction", "n_doubts"),
    [
        ({}, None, 0),
        ({"PlaneOrientationSequence": group(ImageOrientationPatient=[1, 0, 0, 0, 0, -1])}, "slices are not axial", 0),
        ({"MRImageFrameTypeSequence": group(FrameType=["DERIVED", "PRIMARY", "HEAD", "MPR"])}, None, 2),
        ({"MRImageFrameTypeSequence": group(ComplexImageComponent="PHASE")}, "phase images", 0),
    ],
)
def test_a_folder_s_choice_reads_what_the_frames_of_an_object_say(
    enhanced: Callable[..., bytes], tmp_path: Path, groups: Any, contradiction: str | None, n_doubts: int
) -> None:
    (tmp_path / "x").write_bytes(enhanced(**groups))
    header = read_dicom_header(tmp_path, "x")
    assert header is not None
    listed = series_of([header], "P1")
    assert (listed.n_images, len(listed.doubts)) == (4, n_doubts)
    assert (listed.contradiction or "").startswith(contradiction or "")
    assert (listed.contradiction is None) == (contradiction is None)
