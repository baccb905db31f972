import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mgi.core.errors import BadInputError
from mgi.modalities.flair import slice_folder
from mgi.modalities.flair.buda import decoded, opened_buda
from mgi.modalities.flair.slice_folder import read_slice_folder, write_slice_masks

COLOURED = "channels differ: the middle one was read"


def save(path: Path, value: int, size: tuple[int, int] = (3, 4)) -> None:
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[..., 1] = value
    pixels[1::2, :, 1] += 10 * np.arange(1, 5, dtype=np.uint8)  # an image has more than one level
    pixels[..., 0] = 99
    Image.fromarray(pixels).save(path)


def test_slices_come_in_the_order_of_their_numbers_and_hold_the_flair_alone(tmp_path: Path) -> None:
    for number in (10, 9, 11):
        save(tmp_path / f"P_1_{number}.tif", number)
        Image.fromarray(np.zeros((3, 4), np.uint8)).save(tmp_path / f"P_1_{number}_mask.tif")
    found = read_slice_folder(tmp_path)
    assert found.names == ("P_1_9.tif", "P_1_10.tif", "P_1_11.tif")
    assert found.slices[:, 0, 0].tolist() == [9, 10, 11]
    assert found.slices.shape == (3, 3, 4)
    assert "numbered from 9" in found.notes[0]


def test_further_channels_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 6, 8, 3)).astype(np.uint8)
    pixels[..., 2] = pixels[..., 1]
    for number, plane in enumerate(pixels, start=1):
        Image.fromarray(plane).save(tmp_path / f"P_1_{number}.png")
    found = read_slice_folder(tmp_path, ("pre", "flair", "post"))
    assert np.array_equal(found.slices, pixels[..., 1])
    assert np.array_equal(found.others[:, 0], pixels[..., 0])
    assert not found.others[:, 1].any()
    assert [note.split(":")[0] for note in found.notes] == ["channel post"]
    alone = read_slice_folder(tmp_path)
    assert (alone.others, alone.notes, alone.sha256) == (None, (COLOURED,), found.sha256)


@pytest.mark.parametrize("first", [0, 1])
def test_slices_are_numbered_from_0_or_1(first: int, tmp_path: Path) -> None:
    for number in range(first, first + 3):
        save(tmp_path / f"P_1_{number}.tif", number)
    found = read_slice_folder(tmp_path)
    assert (found.slices[:, 0, 0].tolist(), found.notes) == ([first, first + 1, first + 2], (COLOURED,))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["P_1.tif", "Q_2.tif"], r"P_1\.tif and Q_2\.tif "),
        (["P_1.tif", "P_01.tif"], r"P_01\.tif and P_1\.tif "),
        (["P_1.tif", "P_4.tif"], r"P_2\.tif: missing"),
        (["P_1.tif", "P_1.tiff"], r"P_1\.tif and P_1\.tiff have the same number"),
        (["P_1.tif", "P_2.png"], r"P_1\.tif and P_2\.png are of two formats"),
        (["P_1.png", "P.png"], r"P\.png: .* <name>_<number>\.png"),
        (["P.tif"], r"TCGA_CS_4941_19960909_1\.tif"),
    ],
)
def test_a_folder_that_is_not_one_patient_s_is_refused(names: list[str], message: str, tmp_path: Path) -> None:
    for name in names:
        save(tmp_path / name, 1)
    with pytest.raises(BadInputError, match=message):
        read_slice_folder(tmp_path)


def test_a_slice_of_another_shape_is_named(tmp_path: Path) -> None:
    save(tmp_path / "P_1.tif", 1)
    save(tmp_path / "P_2.tif", 1, (4, 4))
    with pytest.raises(BadInputError, match=r"P_2\.tif: \(4, 4\).*\(3, 4\).*P_1\.tif"):
        read_slice_folder(tmp_path)


def test_the_slices_of_any_grey_format_are_the_same_volume(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (3, 8, 9), dtype=np.uint8)
    rgb = np.stack([grey] * 3, axis=-1)
    for name, pixels in {"a.tif": grey, "b.tiff": grey, "c.png": grey, "d.TIF": rgb, "e.png": rgb}.items():
        folder = tmp_path / name
        folder.mkdir()
        for number, plane in enumerate(pixels):
            Image.fromarray(plane).save(folder / f"P_{number}{folder.suffix}")
        found = read_slice_folder(folder)
        assert (found.slices.dtype, found.notes) == (np.uint8, ())
        assert np.array_equal(found.slices, grey)


def test_of_colours_that_differ_the_middle_channel_is_read_and_noted(tmp_path: Path) -> None:
    save(tmp_path / "P_0.png", 1)
    assert read_slice_folder(tmp_path).notes == (COLOURED,)


def test_slices_of_16_bits_keep_their_levels_and_go_with_none_of_8(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 65535, (2, 8, 9), dtype=np.uint16)
    for number, plane in enumerate(grey, start=1):
        Image.fromarray(plane).save(tmp_path / f"P_{number}.png")
    found = read_slice_folder(tmp_path)
    assert found.slices.dtype == np.uint16
    assert np.array_equal(found.slices, grey)
    Image.fromarray((grey[0] >> 8).astype(np.uint8)).save(tmp_path / "P_3.png")
    with pytest.raises(BadInputError, match=r"P_3\.png: uint8, expected uint16 as P_1\.png"):
        read_slice_folder(tmp_path)


def test_pictures_of_another_format_beside_the_slices_are_not_read(tmp_path: Path) -> None:
    save(tmp_path / "P_1.tif", 1)
    save(tmp_path / "P_1_mask.png", 1)
    save(tmp_path / "preview.png", 1)
    assert read_slice_folder(tmp_path).names == ("P_1.tif",)


def test_what_would_fill_the_memory_is_refused_before_it_is_read(monkeypatch, tmp_path: Path) -> None:
    save(tmp_path / "P_1.png", 1)
    save(tmp_path / "P_2.png", 1)
    monkeypatch.setattr(slice_folder, "MAX_VOLUME_BYTES", 23)
    with pytest.raises(BadInputError, match=r"P_1\.png: 2 such slices are 24 bytes, expected at most 23"):
        read_slice_folder(tmp_path)
    monkeypatch.setattr(slice_folder, "MAX_FILE_BYTES", 9)
    with pytest.raises(BadInputError, match=r"P_1\.png: \d+ bytes, expected a slice of at most 9"):
        read_slice_folder(tmp_path)


def test_a_folder_of_the_published_set_is_read_as_the_archive_is(real_data: Path, tmp_path: Path) -> None:
    folder = "TCGA_CS_4942_19970222"
    with zipfile.ZipFile(real_data / "lgg-mri-segmentation-flair.zip") as archive:
        names = [name for name in archive.namelist() if f"/{folder}/" in name and name.endswith(".tif")]
        for name in names:
            (tmp_path / Path(name).name).write_bytes(archive.read(name))
    with opened_buda(real_data / "lgg-mri-segmentation-flair.zip") as archive:
        slices, _ = decoded(archive.read_files(folder)[0])
    found = read_slice_folder(tmp_path)
    assert np.array_equal(found.slices, slices)
    assert len(names) == 2 * len(found.names)


@pytest.mark.parametrize("ending", [".tif", ".tiff", ".TIF", ".png"])
def test_masks_are_0_and_255_under_the_ending_of_their_slices(ending: str, tmp_path: Path) -> None:
    mask = np.array([[[0, 1], [0, 0]], [[1, 1], [0, 1]]], np.uint8)
    paths = write_slice_masks(tmp_path / "out", [f"P_1{ending}", f"P_2{ending}"], mask)
    assert [path.name for path in paths] == [f"P_1_mask{ending}", f"P_2_mask{ending}"]
    for path, plane in zip(paths, mask, strict=True):
        with Image.open(path) as image:
            assert image.format == ("PNG" if ending == ".png" else "TIFF")
            assert np.array_equal(np.array(image), 255 * plane)
