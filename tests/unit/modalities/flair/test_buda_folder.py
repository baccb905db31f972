from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mgi.core.errors import BadInputError
from mgi.modalities.flair.buda import mask_of
from mgi.modalities.flair.buda_folder import read_slice_folder, write_slice_masks


def save(path: Path, value: int, size: tuple[int, int] = (3, 4)) -> None:
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[..., 1] = value
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


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["P_1.tif", "Q_2.tif"], r"P_1\.tif and Q_2\.tif "),
        (["P_1.tif", "P_01.tif"], r"P_01\.tif and P_1\.tif "),
        (["P_1.tif", "P_4.tif"], r"P_2\.tif: missing"),
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


def test_masks_are_written_as_the_set_has_them(tmp_path: Path) -> None:
    mask = np.array([[[0, 1], [0, 0]], [[1, 1], [0, 1]]], np.uint8)
    paths = write_slice_masks(tmp_path / "out", ["P_1.tif", "P_2.tif"], mask)
    assert [path.name for path in paths] == ["P_1_mask.tif", "P_2_mask.tif"]
    for path, plane in zip(paths, mask, strict=True):
        assert np.array_equal(mask_of(path.read_bytes(), path.name), plane)
