"""Patients from a user's own folder of NIfTI or DICOM files, and what is turned on the way."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.locks.raw_index import RawEntry
from mgi.modalities.flair.geometry import MASK_INTERPOLATION, ras_of, to_native_axes
from mgi.modalities.flair.label_map import Labels
from mgi.modalities.flair.patient_sources import from_dicom, from_nifti

PATIENT = "TCGA-CS-4942"
RNG = np.random.default_rng(0)
BRAIN = RNG.integers(0, 900, (6, 5, 4)).astype(np.int16)  # x y z
RAS = np.array([[1.0, 0, 0, -3], [0, 1.0, 0, -2], [0, 0, 5.0, 7], [0, 0, 0, 1]])
TUMOUR = np.zeros((6, 5, 4), np.uint8)
TUMOUR[1:4, 2:4, 1:3] = [[[1, 2], [4, 2]]] * 3


def placed(folder: Path, name: str, data: bytes, key: str | None = None, role: str = "flair") -> RawEntry:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    members = ((name, hashlib.sha256(data).hexdigest()),)
    return RawEntry(
        patient_id=PATIENT, key=key or name, role=role, path=None, sha256=None, size=1,
        members=members,
    )  # fmt: skip


def nifti(array: np.ndarray, affine: np.ndarray = RAS) -> bytes:
    return nibabel.Nifti1Image(array, affine).to_bytes()


def pair(folder: Path, image: bytes, labels: bytes) -> tuple[RawEntry, list[RawEntry]]:
    return placed(folder, "p/flair.nii", image), [placed(folder, "p/seg.nii", labels, role="mask")]


def test_a_nifti_image_and_its_labels_become_axial_slices_and_masks(tmp_path: Path) -> None:
    found = from_nifti(PATIENT, *pair(tmp_path, nifti(BRAIN), nifti(TUMOUR)), tmp_path)
    images = found.images
    assert images.slices.shape == (4, 5, 6)
    # RAS: x runs to the right and y to the front; slices are shown with the left on the right and the front on top.
    assert images.slices[2, 0, 0] == BRAIN[5, 4, 2]
    assert images.masks is not None
    assert np.array_equal(images.masks, (TUMOUR > 0)[::-1, ::-1].transpose(2, 1, 0))
    assert (images.spacing_mm, images.native_axes, found.notes) == ((1.0, 1.0), "RAS", ())
    assert images.positions_mm is not None
    assert images.positions_mm.tolist() == [7.0, 12.0, 17.0, 22.0]


@pytest.mark.parametrize("axes", [(), (0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_however_a_file_orders_its_axes_the_slices_are_the_same(
    tmp_path: Path, axes: tuple[int, ...], order: tuple[int, ...]
) -> None:
    plain = from_nifti(PATIENT, *pair(tmp_path / "a", nifti(BRAIN), nifti(TUMOUR)), tmp_path / "a").images
    affine, brain, tumour = RAS.copy(), BRAIN, TUMOUR
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (brain.shape[axis] - 1)
        affine[:3, axis] *= -1
        brain, tumour = np.flip(brain, axis), np.flip(tumour, axis)
    affine = affine[:, [*order, 3]]
    brain, tumour = brain.transpose(order), tumour.transpose(order)
    image, masks = pair(tmp_path / "b", nifti(brain, affine), nifti(tumour, affine))
    turned = from_nifti(PATIENT, image, masks, tmp_path / "b").images
    assert np.array_equal(turned.slices, plain.slices)
    assert plain.masks is not None
    assert turned.masks is not None
    assert np.array_equal(turned.masks, plain.masks)
    assert plain.affine is not None
    assert turned.affine is not None
    assert np.allclose(turned.affine, plain.affine)
    assert turned.native_axes is not None
    native, ras = to_native_axes(turned.slices, turned.affine, turned.native_axes)
    assert np.array_equal(native, brain)
    assert np.allclose(ras, affine)


def test_a_mask_on_another_grid_is_resampled_by_nearest_neighbour_and_noted(tmp_path: Path) -> None:
    fine = np.repeat(np.repeat(TUMOUR, 2, axis=0), 2, axis=1)
    affine = RAS @ np.diag([0.5, 0.5, 1, 1])
    affine[:2, 3] -= 0.25
    found = from_nifti(PATIENT, *pair(tmp_path, nifti(BRAIN), nifti(fine, affine)), tmp_path)
    same = from_nifti(PATIENT, *pair(tmp_path / "b", nifti(BRAIN), nifti(TUMOUR)), tmp_path / "b")
    assert found.images.masks is not None
    assert np.array_equal(found.images.masks, same.images.masks)
    assert found.notes == ("mask resampled from a grid of (4, 10, 12) voxels",)
    assert "order 0" in MASK_INTERPOLATION


def test_a_mask_in_another_space_and_one_without_tumour_are_refused(tmp_path: Path) -> None:
    far = RAS.copy()
    far[0, 3] = 500
    with pytest.raises(BadInputError, match=r"p/seg\.nii: .*empty"):
        from_nifti(PATIENT, *pair(tmp_path, nifti(BRAIN), nifti(TUMOUR, far)), tmp_path)
    with pytest.raises(BadInputError, match=r"p/seg\.nii: .*tumour label"):
        from_nifti(PATIENT, *pair(tmp_path, nifti(BRAIN), nifti(0 * TUMOUR)), tmp_path)


def test_labels_are_what_the_config_states(tmp_path: Path) -> None:
    files = pair(tmp_path, nifti(BRAIN), nifti(TUMOUR))
    found = from_nifti(PATIENT, *files, tmp_path, labels=Labels((1, 2), (0, 4)))
    assert found.images.masks is not None
    assert found.images.masks.sum() == np.isin(TUMOUR, (1, 2)).sum()
    assert found.notes == ("no tumour by modalities.flair.labels: label 4 (3 voxels)",)
    with pytest.raises(BadInputError, match=r"label 4 in 3 voxels"):
        from_nifti(PATIENT, *files, tmp_path, labels=Labels((1, 2)))


def test_two_masks_or_none(tmp_path: Path) -> None:
    image, masks = pair(tmp_path, nifti(BRAIN), nifti(TUMOUR))
    assert from_nifti(PATIENT, image, [], tmp_path).images.masks is None
    with pytest.raises(BadInputError, match="expected one"):
        from_nifti(PATIENT, image, masks * 2, tmp_path)


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    image, masks = pair(tmp_path, nifti(BRAIN), nifti(TUMOUR))
    (tmp_path / "p/flair.nii").write_bytes(nifti(BRAIN + 1))
    with pytest.raises(IntegrityError, match=r"flair\.nii: sha256"):
        from_nifti(PATIENT, image, masks, tmp_path)


def test_thick_sagittal_slices_are_refused_rather_than_smeared(tmp_path: Path) -> None:
    """Five millimetres from left to right: cut axially, a pixel would be five times as wide as high."""
    thick = RAS @ np.diag([5, 1, 0.2, 1])
    with pytest.raises(BadInputError, match=r"p/flair\.nii: .*1\.00 x 5\.00 mm.*RAS.*2:1"):
        from_nifti(PATIENT, *pair(tmp_path, nifti(BRAIN, thick), nifti(TUMOUR, thick)), tmp_path)


@pytest.fixture
def scan(tmp_path: Path, mr_file: Callable[..., bytes]) -> Callable[..., tuple[RawEntry, np.ndarray]]:
    """A series of three slices in the user's folder, and its voxels (k, i, j)."""

    def make(step: np.ndarray, **options: Any) -> tuple[RawEntry, np.ndarray]:
        voxels = RNG.integers(0, 900, (3, 4, 5)).astype(np.uint16)
        files = {
            f"s/{k}.dcm": mr_file(voxels[k], position=(k * step).tolist(), instance=k, **options) for k in range(3)
        }
        for name, data in files.items():
            placed(tmp_path, name, data)
        members = tuple((name, hashlib.sha256(data).hexdigest()) for name, data in files.items())
        item = RawEntry(
            patient_id=PATIENT, key="1.2.3.4", role="flair", path=None, sha256="f" * 64, size=1,
            members=members,
        )  # fmt: skip
        return item, voxels

    return make


def test_a_dicom_series_of_the_folder_and_its_segmentation(
    tmp_path: Path, scan: Callable[..., Any], seg_file: Callable[..., bytes]
) -> None:
    image, voxels = scan(np.array([0, 0, 5.0]))
    frames = (RNG.random((3, 4, 5)) > 0.5).astype(np.uint8)
    mask = placed(tmp_path, "m/1.dcm", seg_file(frames, [(0, 0, 5.0 * k) for k in range(3)]), "1.2.3.9", "mask")
    images = from_dicom(PATIENT, image, [mask], tmp_path).images
    assert np.array_equal(images.slices, voxels)
    assert np.array_equal(images.masks, frames)
    assert (images.source, images.native_axes) == ("f" * 64, "LPS")


def test_a_nifti_label_map_may_lie_beside_a_dicom_series(
    tmp_path: Path, scan: Callable[..., Any], seg_file: Callable[..., bytes]
) -> None:
    image, voxels = scan(np.array([0, 0, 5.0]))
    labels = (voxels > 400).astype(np.uint8)
    ras = np.diag([-2.0, -2.0, 5.0, 1.0])
    mask = placed(tmp_path, "seg.nii.gz", nifti(labels.transpose(2, 1, 0), ras), role="mask")
    images = from_dicom(PATIENT, image, [mask], tmp_path).images
    assert np.array_equal(images.masks, labels)
    other = placed(tmp_path, "m/1.dcm", seg_file(labels, [(0, 0, 5.0 * k) for k in range(3)]), "1.2.3.9", "mask")
    with pytest.raises(BadInputError, match="expected one"):
        from_dicom(PATIENT, image, [mask, other], tmp_path)


def test_a_fine_sagittal_series_is_cut_into_axial_slices_and_noted(tmp_path: Path, scan: Callable[..., Any]) -> None:
    image, voxels = scan(np.array([2.0, 0, 0]), axes=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    found = from_dicom(PATIENT, image, [], tmp_path)
    # Slices run to the left, rows down, columns to the back: lowest row first, columns become rows.
    assert np.array_equal(found.images.slices, voxels.transpose(1, 2, 0)[::-1])
    assert found.notes == ("cut into axial slices from a scan with axes PIL",)
    assert found.images.positions_mm is not None
    assert found.images.positions_mm.tolist() == [-6.0, -4.0, -2.0, 0.0]


def test_an_axial_series_read_upside_down_is_turned(tmp_path: Path, scan: Callable[..., Any]) -> None:
    image, voxels = scan(np.array([0, 0, 5.0]), axes=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
    found = from_dicom(PATIENT, image, [], tmp_path)
    assert np.array_equal(found.images.slices, voxels[:, ::-1])
    assert (found.images.native_axes, found.notes) == ("LAS", ())


def test_a_real_patient_in_two_spaces(real_data: Path) -> None:
    """The native FLAIR is tilted and anisotropic; the labels lie in the space of BraTS, as does its FLAIR."""
    folder = real_data / "nifti"

    def item(name: str) -> RawEntry:
        data = (folder / "TCGA-FG-6692" / name).read_bytes()
        return RawEntry(
            patient_id=PATIENT, key=name, role="flair", path=None, sha256=None, size=1,
            members=((f"TCGA-FG-6692/{name}", hashlib.sha256(data).hexdigest()),),
        )  # fmt: skip

    brats = from_nifti(
        PATIENT, item("flair_brats_space.nii.gz"), [item("algorithm_segmentation.nii.gz")], folder
    ).images
    truth = np.asarray(nibabel.load(folder / "TCGA-FG-6692/algorithm_segmentation.nii.gz").dataobj)
    assert brats.slices.shape == (155, 240, 240)
    assert brats.masks is not None
    assert brats.masks.sum() == (truth > 0).sum()
    assert brats.slices[brats.masks > 0].mean() > 1.3 * brats.slices[brats.slices > 0].mean()
    native = from_nifti(PATIENT, item("flair_native.nii.gz"), [], folder).images
    assert (native.slices.shape, native.native_axes) == ((26, 256, 208), "LAS")
    assert native.affine is not None
    array, ras = to_native_axes(native.slices, native.affine, "LAS")
    own = nibabel.load(folder / "TCGA-FG-6692/flair_native.nii.gz")
    assert np.array_equal(array, np.asarray(own.dataobj))
    assert np.allclose(ras, own.affine, atol=1e-3)


def test_a_real_sagittal_dicom_series_keeps_its_place_when_it_is_turned(
    real_data: Path, tmp_path: Path, zip_of: Callable[..., Path]
) -> None:
    """Equal to the volume that another tool made of it, voxel by voxel in millimetres."""
    folder = real_data / "dicom/flair_explicit_vr"
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.dcm"))}
    uid = str(pydicom.dcmread(next(folder.glob("*.dcm")), stop_before_pixels=True).SeriesInstanceUID)
    path = zip_of(files, tmp_path / "s.zip")
    item = RawEntry(
        patient_id=PATIENT, key=uid, role="flair", path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        size=1,
    )  # fmt: skip
    images = from_dicom(PATIENT, item, []).images
    expected = nibabel.load(folder / "expected_volume.nii.gz")
    assert images.affine is not None
    truth = np.asarray(expected.dataobj)
    places = (
        np.linalg.inv(ras_of(images.affine))
        @ expected.affine
        @ [*np.indices(truth.shape).reshape(3, -1), np.ones(truth.size)]
    )
    x, y, z = np.round(places[:3]).astype(int)
    assert np.abs(places[:3] - [x, y, z]).max() < 1e-3
    assert np.array_equal(images.slices[z, y, x], truth.reshape(-1))
