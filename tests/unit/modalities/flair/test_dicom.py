import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from mgi.core.errors import BadInputError
from mgi.modalities.flair import dicom_file
from mgi.modalities.flair.dicom import Volume, read_dicom_members, volume_of
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.dicom_slices import slices_of

MrFile = Callable[..., bytes]
UID = "1.2.3.4"


def spacing_mm(volume: Volume) -> list[float]:
    """Slice, row and column steps of the volume's grid."""
    return list(np.linalg.norm(volume.affine[:3, :3], axis=0))


def plane(value: int, dtype: type = np.uint16) -> np.ndarray:
    pixels = np.full((3, 4), value, dtype)
    pixels[0, 0] += 1
    return pixels


@pytest.fixture
def stack(mr_file: MrFile) -> Callable[..., list[tuple[str, bytes]]]:
    """Slices 5 mm apart, slice k filled with 10 k; options by index override."""

    def make(n: int = 4, **special: dict[str, Any]) -> list[tuple[str, bytes]]:
        members = []
        for k in range(n):
            options = {"pixels": plane(10 * k), "position": (1.0, 2.0, 5.0 * k), "instance": n - k}
            options |= special.get(f"slice{k}", {}) | special.get("all", {})
            members.append((f"{k}.dcm", mr_file(**options)))
        return members

    return make


def test_slices_are_ordered_by_position_whatever_their_names_and_numbers(stack: Any) -> None:
    volume = volume_of(stack()[::-1], UID)
    assert volume.voxels[:, 1, 1].tolist() == [0, 10, 20, 30]
    assert volume.voxels.dtype == np.int16
    assert volume.positions_mm.tolist() == [0.0, 5.0, 10.0, 15.0]
    assert spacing_mm(volume) == pytest.approx((5.0, 2.0, 2.0))
    assert (volume.notes, volume.frame_of_reference_uid) == ((), "1.2.3.5")


def test_an_axial_series_whose_normal_points_down_still_runs_upwards(stack: Any) -> None:
    down = {"axes": (1.0, 0, 0, 0, -1.0, 0)}
    volume = volume_of(stack(all=down), UID)
    assert volume.voxels[:, 1, 1].tolist() == [0, 10, 20, 30]
    assert volume.affine[:3, 0].tolist() == [0.0, 0.0, 5.0]


def test_the_affine_maps_slice_row_column_to_patient_millimetres(stack: Any) -> None:
    volume = volume_of(stack(all={"spacing": (2.0, 3.0)}), UID)
    assert (volume.affine @ [2, 1, 1, 1])[:3].tolist() == [1.0 + 3.0, 2.0 + 2.0, 10.0]


def test_an_oblique_stack_keeps_its_step_along_the_normal(stack: Any) -> None:
    c, s = np.cos(0.3), np.sin(0.3)
    axes = (1.0, 0, 0, 0, c, s)
    tilted = {f"slice{k}": {"position": tuple(5.0 * k * np.array([0, -s, c]))} for k in range(4)}
    volume = volume_of(stack(all={"axes": axes}, **tilted), UID)
    assert spacing_mm(volume)[0] == pytest.approx(5.0)
    assert volume.affine[:3, 0] == pytest.approx([0, -5 * s, 5 * c])


def test_a_repeated_position_keeps_the_lowest_instance_and_is_noted(stack: Any, mr_file: MrFile) -> None:
    again = ("9.dcm", mr_file(plane(99), position=(1.0, 2.0, 5.0), instance=99))
    volume = volume_of([again, *stack()], UID)
    assert volume.voxels[:, 1, 1].tolist() == [0, 10, 20, 30]
    assert volume.notes == ("dropped instance 99: repeats the position of instance 3",)
    earlier = ("9.dcm", mr_file(plane(99), position=(1.0, 2.0, 5.0), instance=0))
    assert volume_of([*stack(), earlier], UID).voxels[1, 1, 1] == 99


def test_two_echoes_at_one_position_are_refused(stack: Any, mr_file: MrFile) -> None:
    echo = [(f"e{k}.dcm", mr_file(plane(k), position=(1.0, 2.0, 5.0 * k), tags={"EchoTime": 95.0})) for k in range(4)]
    with pytest.raises(BadInputError, match=r"1\.2\.3\.4: EchoTime: .*90, 95"):
        volume_of([*stack(all={"tags": {"EchoTime": 90.0}}), *echo], UID)


def test_a_missing_slice_is_refused(stack: Any) -> None:
    members = stack(6)
    del members[3]
    with pytest.raises(BadInputError, match=r"1\.2\.3\.4: ImagePositionPatient: .*10\.00 mm.*5\.00 mm.*missing"):
        volume_of(members, UID)


def test_uneven_spacing_is_refused(stack: Any) -> None:
    with pytest.raises(BadInputError, match=r"ImagePositionPatient: .*1\.00 mm.*5\.00 mm.*even"):
        volume_of(stack(6, slice5={"position": (1.0, 2.0, 21.0)}), UID)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"pixels": np.ones((3, 5), np.uint16)}, "Rows and Columns"),
        ({"axes": (0.0, 1.0, 0, 1.0, 0, 0)}, "ImageOrientationPatient"),
        ({"spacing": (2.0, 2.5)}, "PixelSpacing"),
        ({"spacing": (2.0, 0.0)}, "PixelSpacing"),
        ({"axes": (1.0, 0, 0, 1.0, 0, 0)}, "ImageOrientationPatient"),
        ({"tags": {"ImagePositionPatient": None}}, "ImagePositionPatient"),
        ({"tags": {"ImageOrientationPatient": None}}, "ImageOrientationPatient"),
        ({"tags": {"PixelSpacing": None}}, "PixelSpacing"),
        ({"tags": {"SeriesInstanceUID": "9.9"}}, "SeriesInstanceUID"),
        ({"tags": {"FrameOfReferenceUID": "9.9"}}, "FrameOfReferenceUID"),
        ({"tags": {"NumberOfFrames": 2, "PixelData": bytes(48)}}, "NumberOfFrames"),
        ({"tags": {"SamplesPerPixel": 3, "PixelData": bytes(72)}}, "SamplesPerPixel"),
        ({"tags": {"RescaleSlope": "0"}}, "RescaleSlope"),
        ({"tags": {"PhotometricInterpretation": "PALETTE COLOR"}}, "PhotometricInterpretation"),
        ({"tags": {"PixelData": bytes(10)}}, "PixelData: 10 .*24"),
        ({"tags": {"Rows": None}}, "Rows"),
        ({"tags": {"Rows": 65535, "Columns": 65535}}, r"2\.dcm: Rows x Columns x Frames 65535 x 65535 x 1.*128 MB"),
        ({"syntax": DeflatedExplicitVRLittleEndian}, "TransferSyntaxUID Deflated"),
    ],
)
def test_a_slice_that_does_not_fit_is_refused_by_series_and_field(
    stack: Any, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInputError, match=field) as caught:
        volume_of(stack(slice2=options), UID)
    assert str(caught.value).startswith(f"series {UID}")


def test_a_deflated_file_is_refused_before_it_is_inflated(mr_file: MrFile, monkeypatch: pytest.MonkeyPatch) -> None:
    data = mr_file(plane(1), syntax=DeflatedExplicitVRLittleEndian)
    read, parsed = dicom_file.read_dataset, []
    monkeypatch.setattr(dicom_file, "read_dataset", lambda *a, **k: parsed.append(k) or read(*a, **k))
    with pytest.raises(BadInputError, match=r"1\.dcm: TransferSyntaxUID Deflated"):
        volume_of([("1.dcm", data)], UID)
    assert ["stop_when" in options for options in parsed] == [True], "more was read than the file meta group"


@pytest.mark.parametrize("content", [b"", b"<html>busy</html>", bytes(200), bytes(128) + b"DICM"])
def test_what_is_no_dicom_is_refused(content: bytes) -> None:
    with pytest.raises(BadInputError, match=r"series 1\.2\.3\.4: 1\.dcm: .*(DICOM|TransferSyntaxUID)"):
        volume_of([("1.dcm", content)], UID)


def test_no_slices_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"no slices$"):
        volume_of([], UID)


def test_a_missing_and_an_empty_slope_change_nothing(stack: Any) -> None:
    empty = {"tags": {"RescaleSlope": "", "RescaleIntercept": ""}}
    assert np.array_equal(volume_of(stack(all=empty), UID).voxels, volume_of(stack(), UID).voxels)


def test_rescaling_keeps_integers_where_they_fit_and_turns_to_float_where_they_do_not(stack: Any) -> None:
    whole = volume_of(stack(all={"tags": {"RescaleSlope": "2", "RescaleIntercept": "-10"}}), UID)
    assert whole.voxels[:, 1, 1].tolist() == [-10, 10, 30, 50]
    assert whole.voxels.dtype == np.int16
    broken = volume_of(stack(all={"tags": {"RescaleSlope": "0.5"}}), UID)
    assert broken.voxels[:, 1, 1].tolist() == [0, 5, 10, 15]
    assert broken.voxels.dtype == np.float32


def test_rescaling_beyond_int16_does_not_wrap_round(stack: Any) -> None:
    volume = volume_of(stack(all={"tags": {"RescaleSlope": "2000"}}), UID)
    assert volume.voxels[:, 1, 1].tolist() == [0, 20_000, 40_000, 60_000]
    assert volume.voxels.dtype == np.float32


def test_a_slope_that_overflows_is_refused(stack: Any) -> None:
    with pytest.raises(BadInputError, match=r"PixelData: .*finite.*RescaleSlope"):
        volume_of(stack(all={"tags": {"RescaleSlope": "1e38"}}), UID)


def test_signed_pixels_stay_negative(stack: Any) -> None:
    volume = volume_of(stack(slice1={"pixels": plane(-7, np.int16)}), UID)
    assert volume.voxels[1, 1, 1] == -7


def test_monochrome1_is_inverted_within_its_bits(stack: Any) -> None:
    volume = volume_of(stack(all={"tags": {"PhotometricInterpretation": "MONOCHROME1"}}), UID)
    assert volume.voxels[:, 1, 1].tolist() == [4095, 4085, 4075, 4065]
    signed = {"pixels": plane(-7, np.int16), "tags": {"PhotometricInterpretation": "MONOCHROME1"}}
    assert volume_of(stack(slice1=signed), UID).voxels[1, 1, 1] == 6


def test_a_constant_image_is_refused(stack: Any) -> None:
    with pytest.raises(BadInputError, match=r"PixelData: .* 5,"):
        volume_of(stack(all={"pixels": np.full((3, 4), 5, np.uint16)}), UID)


def test_a_single_slice_takes_its_thickness_as_step(stack: Any) -> None:
    volume = volume_of(stack(1, all={"tags": {"SliceThickness": 6.0}}), UID)
    assert spacing_mm(volume) == pytest.approx((6.0, 2.0, 2.0))
    with pytest.raises(BadInputError, match="SliceThickness"):
        volume_of(stack(1), UID)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, RLELossless])
def test_other_transfer_syntaxes_give_the_same_voxels(stack: Any, syntax: str) -> None:
    members = stack()
    if syntax == RLELossless:
        members = [(name, rle_of(data)) for name, data in members]
    else:
        members = stack(all={"syntax": syntax})
    assert np.array_equal(volume_of(members, UID).voxels, volume_of(stack(), UID).voxels)


def rle_of(data: bytes) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.compress(RLELossless, generate_instance_uid=False)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def test_a_series_is_read_from_its_archive(tmp_path: Path, stack: Any, zip_of: Callable[..., Path]) -> None:
    path = zip_of({**dict(stack()), "LICENSE": b"free"}, tmp_path / "series.zip")
    assert volume_of(read_dicom_members(path), UID).voxels.shape == (4, 3, 4)


def test_only_named_errors_leave_the_reader_whatever_bytes_are_changed(stack: Any) -> None:
    members = stack(1, all={"tags": {"SliceThickness": 6.0}})
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = bytearray(members[0][1])
        for place in rng.integers(128, len(data), 3):
            data[place] = rng.integers(256)
        try:
            volume_of([("1.dcm", bytes(data))], UID)
        except BadInputError:
            refused += 1
    assert refused > 50


def real_members(folder: Path) -> tuple[list[tuple[str, bytes]], str]:
    members = [(path.name, path.read_bytes()) for path in sorted(folder.glob("*.dcm"))]
    return members, str(pydicom.dcmread(io.BytesIO(members[0][1]), stop_before_pixels=True).SeriesInstanceUID)


def test_a_real_series_equals_the_volume_that_another_tool_made(real_data: Path) -> None:
    folder = real_data / "dicom/flair_explicit_vr"
    members, uid = real_members(folder)
    volume = volume_of(members[::-1], uid)
    expected = nibabel.load(folder / "expected_volume.nii.gz")
    truth = np.asarray(expected.dataobj)
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine
    to_ours = np.linalg.inv(to_ras) @ expected.affine
    places = to_ours[:3, :3] @ np.indices(truth.shape).reshape(3, -1) + to_ours[:3, 3:]
    assert np.abs(places - np.round(places)).max() < 1e-3
    assert np.array_equal(volume.voxels[tuple(np.round(places).astype(int))], truth.reshape(-1))


@pytest.mark.parametrize(
    ("name", "shape", "step_mm"), [("flair_rle", (4, 256, 256), 1.0), ("flair_philips_implicit_vr", (4, 240, 240), 0.6)]
)
def test_real_series_of_other_syntaxes_are_read(
    real_data: Path, name: str, shape: tuple[int, int, int], step_mm: float
) -> None:
    members, uid = real_members(real_data / "dicom" / name)
    volume = volume_of(members, uid)
    assert volume.voxels.shape == shape
    assert spacing_mm(volume)[0] == pytest.approx(step_mm, abs=1e-3)
    assert "IR" in slices_of(DicomFile(members[0][1], name))[0].tags["ScanningSequence"]
