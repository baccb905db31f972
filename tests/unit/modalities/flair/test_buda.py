import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.buda import decoded, flair_of, mask_of, opened_buda

FOLDER = "TCGA_CS_4942_19970222"
TiffOf = Callable[[np.ndarray], bytes]
ZipOf = Callable[..., Path]


@pytest.fixture
def members(tiff_of: TiffOf) -> dict[str, bytes]:
    """Eleven slices of 4 x 6 whose FLAIR channel is the slice's number; the mask has as many pixels."""
    made = {"kaggle_3m/data.csv": b"Patient\n"}
    for number in range(1, 12):
        image = np.zeros((4, 6, 3), np.uint8)
        image[:, :, 0], image[:, :, 1], image[:, :, 2] = 200, number, 100
        mask = np.zeros((4, 6), np.uint8)
        mask.ravel()[:number] = 255
        made[f"kaggle_3m/{FOLDER}/{FOLDER}_{number}.tif"] = tiff_of(image)
        made[f"kaggle_3m/{FOLDER}/{FOLDER}_{number}_mask.tif"] = tiff_of(mask)
    return made


def name(number: int, suffix: str = "") -> str:
    return f"kaggle_3m/{FOLDER}/{FOLDER}_{number}{suffix}.tif"


def test_slices_come_by_number_with_the_flair_channel_and_binary_masks(
    tmp_path: Path, members: dict[str, bytes], zip_of: ZipOf
) -> None:
    with opened_buda(zip_of(dict(sorted(members.items())), tmp_path / "k.zip")) as archive:
        assert list(archive.folders) == [FOLDER]
        files, _ = archive.read_files(FOLDER)
    slices, masks = decoded(files)
    assert len(slices) == 11
    assert slices[:, 0, 0].tolist() == list(range(1, 12))  # not 1, 10, 11, 2, …
    assert masks.sum(axis=(1, 2)).tolist() == list(range(1, 12))
    assert set(np.unique(masks)) == {0, 1}
    assert slices.dtype == masks.dtype == np.uint8


def test_the_digest_is_of_image_and_mask_by_number(tmp_path: Path, members: dict[str, bytes], zip_of: ZipOf) -> None:
    joined = b"".join(members[name(number, suffix)] for number in range(1, 12) for suffix in ("", "_mask"))
    with opened_buda(zip_of(members, tmp_path / "k.zip")) as archive:
        assert archive.read_files(FOLDER)[1] == hashlib.sha256(joined).hexdigest()


def test_the_tree_that_the_archive_holds_twice_is_seen_once(
    tmp_path: Path, members: dict[str, bytes], zip_of: ZipOf
) -> None:
    twice = {f"lgg-mri-segmentation/{path}": data for path, data in members.items()} | members
    with opened_buda(zip_of(twice, tmp_path / "k.zip")) as archive:
        assert list(archive.folders) == [FOLDER]
        assert decoded(archive.read_files(FOLDER)[0])[0].shape == (11, 4, 6)


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (name(3, "_mask"), r"k\.zip: TCGA_CS_4942_19970222: .*slice 3 .*11 "),
        (name(5), r"k\.zip: TCGA_CS_4942_19970222: .*mask 5$"),
    ],
)
def test_a_missing_file_is_named(
    tmp_path: Path, members: dict[str, bytes], zip_of: ZipOf, lost: str, message: str
) -> None:
    del members[lost]
    with opened_buda(zip_of(members, tmp_path / "k.zip")) as archive, pytest.raises(BadInputError, match=message):
        decoded(archive.read_files(FOLDER)[0])


def test_an_unknown_folder_is_refused(tmp_path: Path, members: dict[str, bytes], zip_of: ZipOf) -> None:
    with (
        opened_buda(zip_of(members, tmp_path / "k.zip")) as archive,
        pytest.raises(BadInputError, match=r"k\.zip: .* X$"),
    ):
        archive.read_files("X")


@pytest.mark.parametrize("target", [name(2), name(2, "_mask")])
def test_a_slice_of_another_shape_is_refused(
    tmp_path: Path, members: dict[str, bytes], zip_of: ZipOf, tiff_of: TiffOf, target: str
) -> None:
    shape = (4, 5) if "mask" in target else (4, 5, 3)
    members[target] = tiff_of(np.zeros(shape, np.uint8))
    with (
        opened_buda(zip_of(members, tmp_path / "k.zip")) as archive,
        pytest.raises(BadInputError, match=r"_2(_mask)?\.tif: \(4, 5\).*\(4, 6\)"),
    ):
        decoded(archive.read_files(FOLDER)[0])


@pytest.mark.parametrize("values", [[0, 1], [0, 254, 255], [0, 128, 255]], ids=["0 and 1", "rounded", "anti-aliased"])
def test_a_mask_of_other_values_is_refused(tiff_of: TiffOf, values: list[int]) -> None:
    pixels = np.resize(np.array(values, np.uint8), (4, 6))
    with pytest.raises(BadInputError, match=r"m\.tif: .*\b(1|128|254)\b.* 0 and 255 "):
        mask_of(tiff_of(pixels), "m.tif")


def test_an_empty_mask_is_a_mask(tiff_of: TiffOf) -> None:
    assert not mask_of(tiff_of(np.zeros((4, 6), np.uint8)), "m.tif").any()


def test_grey_images_and_colour_masks_are_refused(tiff_of: TiffOf) -> None:
    with pytest.raises(BadInputError, match=r"i\.tif: L \(6, 4\).*RGB"):
        flair_of(tiff_of(np.zeros((4, 6), np.uint8)), "i.tif")
    with pytest.raises(BadInputError, match=r"m\.tif: RGB \(6, 4\).*\bL\b"):
        mask_of(tiff_of(np.zeros((4, 6, 3), np.uint8)), "m.tif")


def test_what_is_no_tiff_is_refused(tiff_of: TiffOf) -> None:
    good = tiff_of(np.zeros((40, 60, 3), np.uint8))
    for data in (b"", b"<html>", good[:200], good[: len(good) // 2]):
        with pytest.raises(BadInputError, match=r"i\.tif"):
            flair_of(data, "i.tif")


def test_a_last_strip_that_declares_too_many_bytes_is_read(tiff_of: TiffOf) -> None:
    data = bytearray(tiff_of(np.full((4, 6), 255, np.uint8)))
    place = data.index((279).to_bytes(2, "little"))  # StripByteCounts
    data[place + 8 : place + 12] = (24 + 8).to_bytes(4, "little")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mask_of(bytes(data) + bytes(16), "m.tif").all()


def test_the_published_files_are_all_read(real_data: Path) -> None:
    with opened_buda(real_data / "lgg-mri-segmentation-flair.zip") as archive:
        assert len(archive.folders) == 88
        assert sum(len(archive.read_files(folder)[0]) for folder in archive.folders) == 3137
        slices, masks = decoded(archive.read_files(min(archive.folders))[0])
    assert slices.shape == masks.shape == (20, 256, 256)
