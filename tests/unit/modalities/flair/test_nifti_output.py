from pathlib import Path

import nibabel
import numpy as np
import pytest

from mgi.modalities.flair.geometry import ras_of, to_stored_axes
from mgi.modalities.flair.nifti import read_labels
from mgi.modalities.flair.nifti_output import write_mask

MASK = (np.random.default_rng(0).random((4, 5, 6)) > 0.5).astype(np.uint8)  # k i j
C, S = np.cos(0.2), np.sin(0.2)
TILTED = np.array([[0, 0, 0.9, -90.5], [-2 * S, 0.8 * C, 0, -101.25], [5 * C, 0.8 * S, 0, 33.3], [0, 0, 0, 1]])


@pytest.mark.parametrize("turn", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
@pytest.mark.parametrize("flip", [1, -1])
def test_a_mask_comes_back_on_the_grid_of_its_own_file(tmp_path: Path, turn: list[int], flip: int) -> None:
    affine = TILTED[:, [*turn, 3]] @ np.diag([flip, 1, 1, 1])
    stored, stored_affine, native = to_stored_axes(MASK, affine)
    path = tmp_path / "out/m.nii.gz"
    write_mask(path, stored, stored_affine, native)
    image = nibabel.load(path)
    assert np.array_equal(np.asarray(image.dataobj), MASK.transpose(2, 1, 0))
    assert np.allclose(image.affine, ras_of(affine), rtol=0, atol=1e-3)
    again = read_labels(path.read_bytes(), "m")
    assert np.array_equal(again.voxels, MASK)
    assert np.allclose(again.affine, affine, rtol=0, atol=1e-3)


def test_the_header_states_millimetres_of_the_scanner_in_both_forms(tmp_path: Path) -> None:
    write_mask(tmp_path / "m.nii.gz", MASK, np.eye(4)[:, [2, 1, 0, 3]], "LPS")
    header = nibabel.load(tmp_path / "m.nii.gz").header
    assert (header.get_xyzt_units()[0], int(header["sform_code"]), int(header["qform_code"])) == ("mm", 1, 1)


def test_a_sheared_grid_is_stated_by_the_sform_alone(tmp_path: Path) -> None:
    sheared = TILTED.copy()
    sheared[1, 0] += 2
    write_mask(tmp_path / "m.nii.gz", MASK, sheared, "LPS")
    image = nibabel.load(tmp_path / "m.nii.gz")
    assert int(image.header["qform_code"]) == 0
    assert np.allclose(image.affine, ras_of(sheared), rtol=0, atol=1e-3)


def test_equal_masks_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("1.nii.gz", "2.nii.gz"):
        write_mask(tmp_path / name, MASK, TILTED, "LPS")
    assert (tmp_path / "1.nii.gz").read_bytes() == (tmp_path / "2.nii.gz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.nii.gz", "2.nii.gz"]
