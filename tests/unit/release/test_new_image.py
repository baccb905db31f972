from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from mgi.core.errors import BadInputError, ConfigError
from mgi.release.new_image import check_output, kind_of, read_new_image, report_path, write_new_mask

DICOM = bytes(128) + b"DICM"
NIFTI = bytes(344) + b"n+1\0"
NIFTI_2 = b"\x1c\x02\0\0n+2\0" + bytes(400)
TIFF = b"II*\0"
PNG = b"\x89PNG\r\n\x1a\n"
TILTED = (1.0, 0, 0, 0, float(np.cos(0.3)), float(np.sin(0.3)))


def folder_of(path: Path, **files: bytes) -> Path:
    path.mkdir()
    for name, start in files.items():
        (path / name).write_bytes(start)
    return path


@pytest.mark.parametrize(
    ("start", "kind"), [(DICOM, "dicom"), (NIFTI, "nifti"), (NIFTI_2, "nifti"), (b"\x1f\x8b\x08", "nifti")]
)
def test_a_file_is_known_by_its_first_bytes_whatever_it_is_called(start: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "image.txt").write_bytes(start)
    assert kind_of(tmp_path / "image.txt") == kind


def test_a_folder_is_of_the_kind_of_its_images(tmp_path: Path) -> None:
    assert kind_of(folder_of(tmp_path / "a", image=DICOM, notes=b"text", thumbnail=TIFF)) == "dicom"
    assert kind_of(folder_of(tmp_path / "b", one=TIFF, two=TIFF)) == "slices"
    assert kind_of(folder_of(tmp_path / "c", one=PNG, two=PNG)) == "slices"
    assert kind_of(folder_of(tmp_path / "d", one=DICOM, two=PNG)) == "dicom"
    assert kind_of(folder_of(tmp_path / "e", one=TIFF, two=PNG, table=b"\x1f\x8b\x08")) == "slices"


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (TIFF, "one TIFF, expected the folder of all slices"),
        (PNG, "one PNG, expected the folder of all slices"),
        (b"text", "not an image that is read"),
    ],
)
def test_another_file_is_refused_by_name(start: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "image.tif").write_bytes(start)
    with pytest.raises(BadInputError, match=rf"image\.tif: {said}"):
        kind_of(tmp_path / "image.tif")


def test_a_folder_without_images_and_one_that_is_missing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="name the NIfTI file itself"):
        kind_of(folder_of(tmp_path / "a", image=NIFTI, picture=PNG))
    with pytest.raises(BadInputError, match=r"no DICOM file and no TIFF or PNG slice in the folder$"):
        kind_of(folder_of(tmp_path / "b"))
    with pytest.raises(BadInputError, match="missing, expected NIfTI"):
        kind_of(tmp_path / "c")


def test_only_dicom_has_series(tmp_path: Path) -> None:
    (tmp_path / "image.nii").write_bytes(NIFTI)
    with pytest.raises(ConfigError, match=r"--series: 1\.2: only DICOM has series"):
        read_new_image(tmp_path / "image.nii", series="1.2")


def test_of_several_volumes_one_must_be_chosen_by_a_number_from_0(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(100, 300, (6, 5, 4, 3)).astype(np.int16)
    path = tmp_path / "image.nii"
    nibabel.Nifti1Image(values, np.diag([1.0, 1.0, 5.0, 1.0])).to_filename(path)
    with pytest.raises(BadInputError, match=r"image\.nii: 3 volumes, expected one; .*--volume, from 0 to 2$"):
        read_new_image(path)
    for volume in (-1, 3):
        with pytest.raises(ConfigError, match=rf"--volume: found {volume}, expected a number from 0 to 2"):
            read_new_image(path, volume=volume)
    found = read_new_image(path, volume=2)
    assert np.array_equal(np.sort(found.images.slices, axis=None), np.sort(values[..., 2], axis=None))
    assert found.notes == ("volume 2, from 0 to 2",)
    written = write_new_mask(found, np.zeros((4, 5, 6), np.uint8), tmp_path / "m.nii")
    assert nibabel.load(written[0]).shape == (6, 5, 4)


def test_a_file_of_one_volume_has_the_volume_0(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(100, 300, (6, 5, 4)).astype(np.int16)
    nibabel.Nifti1Image(values, np.eye(4)).to_filename(tmp_path / "image.nii")
    given, chosen = (read_new_image(tmp_path / "image.nii", volume=volume).images for volume in (None, 0))
    assert np.array_equal(given.slices, chosen.slices)
    with pytest.raises(ConfigError, match=r"--volume: found 1, expected a number from 0 to 0"):
        read_new_image(tmp_path / "image.nii", volume=1)


def test_only_nifti_has_volumes(tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(DICOM)
    for path, kind in ((tmp_path / "one.dcm", "dicom"), (folder_of(tmp_path / "slices", image=PNG), "slices")):
        with pytest.raises(ConfigError, match=rf"--volume: 0: only NIfTI has volumes, .* is {kind}"):
            read_new_image(path, volume=0)


@pytest.mark.parametrize(
    ("kind", "output", "kept"),
    [("nifti", "m.nii.gz", True), ("dicom", "m.nii", True), ("slices", "m", True), ("nifti", "m.png", False),
     ("slices", "m.nii", False), ("nifti", "image.nii", False)],
)  # fmt: skip
def test_the_output_is_of_the_images_kind_and_not_the_image(kind, output: str, kept: bool, tmp_path: Path) -> None:
    if kept:
        check_output(kind, tmp_path / "image.nii", tmp_path / output)
        return
    with pytest.raises(ConfigError, match="--output"):
        check_output(kind, tmp_path / "image.nii", tmp_path / output)


@pytest.mark.parametrize("output", ["m.nii.gz", "m.nii", "m"])
def test_the_report_lies_beside_the_mask(output: str) -> None:
    assert report_path(Path("out") / output) == Path("out/m.json")


def test_a_dicom_series_is_read_and_its_mask_has_its_grid(mr_file, tmp_path: Path) -> None:
    pixels = np.arange(48, dtype=np.uint16).reshape(6, 8)
    (tmp_path / "series").mkdir()
    for number in range(1, 4):
        tags = {"PatientID": "P", "SeriesDescription": "AX FLAIR"}
        content = mr_file(pixels + number, position=(0, 0, 5.0 * number), instance=number, tags=tags)
        (tmp_path / "series" / f"{number}.dcm").write_bytes(content)
    new = read_new_image(tmp_path / "series")
    assert (new.kind, new.images.slices.shape) == ("dicom", (3, 6, 8))
    written = write_new_mask(new, np.zeros((3, 6, 8), np.uint8), tmp_path / "m.nii.gz")
    assert written == [tmp_path / "m.nii.gz"]


@pytest.mark.parametrize(
    ("axes", "step"),
    [((1.0, 0, 0, 0, 1.0, 0), (0.5, -0.3, 5.0)), ((1.0, 0, 0, 0, -1.0, 0), (0, 0, 5.0)), (TILTED, (0.0, -1.5, 4.8))],
)
def test_every_slice_of_a_written_mask_lies_within_a_tenth_of_a_step_of_its_dicom_slice(
    axes: tuple[float, ...], step: tuple[float, ...], mr_file: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "series").mkdir()
    jitter = np.array([0.0, 0.4, -0.3, 0.2, -0.4, 0.0])[:, None] * [0, 0, 1]  # mm, of steps of 5 mm
    places = np.array([3.0, -7.0, 11.0]) + np.arange(6)[:, None] * np.array(step) + jitter
    for k, place in enumerate(places):
        pixels = np.random.default_rng(k).integers(0, 900, (6, 8)).astype(np.uint16)
        (tmp_path / "series" / f"{k}").write_bytes(mr_file(pixels, position=place.tolist(), axes=axes, instance=k + 1))
    new = read_new_image(tmp_path / "series")
    affine = new.images.affine
    assert affine is not None
    for k, place in enumerate(places):
        mask = np.zeros(new.images.slices.shape, np.uint8)
        corner = np.rint(np.linalg.inv(affine) @ [*place, 1])[:3].astype(int)  # the first voxel, on the stored axes
        mask[tuple(corner)] = 1
        (written,) = write_new_mask(new, mask, tmp_path / f"{k}.nii")
        image = nibabel.load(written)
        (voxel,) = np.argwhere(np.asarray(image.dataobj))
        for form in (image.affine, image.get_qform(coded=True)[0]):
            if form is not None:
                found = np.diag([-1.0, -1.0, 1.0, 1.0]) @ form @ [*voxel, 1]
                assert np.linalg.norm(found[:3] - place) <= 0.1 * np.linalg.norm(step)


def test_a_mask_of_another_shape_is_not_written(mr_file: Callable[..., bytes], tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(
        mr_file(np.arange(48, dtype=np.uint16).reshape(6, 8), tags={"SliceThickness": 5})
    )
    with pytest.raises(BadInputError, match=r"m\.nii: mask \(2, 6, 8\), expected \(1, 6, 8\)"):
        write_new_mask(read_new_image(tmp_path / "one.dcm"), np.zeros((2, 6, 8), np.uint8), tmp_path / "m.nii")


@pytest.mark.parametrize("padding", [None, 4095])
def test_a_stripe_of_padding_is_taken_out_where_it_is_stated_and_refused_where_not(
    padding: int | None, mr_file: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "series").mkdir()
    for k in range(4):
        pixels = np.random.default_rng(k).integers(100, 300, (16, 16)).astype(np.uint16)
        pixels[:, -4:] = 4095
        tags = {} if padding is None else {"PixelPaddingValue": padding}
        (tmp_path / "series" / f"{k}").write_bytes(mr_file(pixels, position=(0, 0, 5.0 * k), instance=k, tags=tags))
    if padding is None:
        with pytest.raises(BadInputError, match=r"series: voxels: those above the mean are nearly of one level"):
            read_new_image(tmp_path / "series")
    else:
        assert read_new_image(tmp_path / "series").images.slices.max() < 300


def test_other_kinds_without_a_grey_scale_are_refused_too(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).integers(100, 300, (16, 16, 4)).astype(np.int16)
    volume[-4:] = 32767
    nibabel.Nifti1Image(volume, np.diag([1.0, 1.0, 5.0, 1.0])).to_filename(tmp_path / "image.nii")
    with pytest.raises(BadInputError, match=r"image\.nii: voxels: those above the mean"):
        read_new_image(tmp_path / "image.nii")
    (tmp_path / "slices").mkdir()
    for number in (1, 2):
        Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(tmp_path / "slices" / f"P_{number}.tif")
    with pytest.raises(BadInputError, match=r"slices: voxels: every one is 7"):
        read_new_image(tmp_path / "slices")
