import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.geometry import ras_of
from mgi.modalities.flair.nifti import count_volumes, read_image, read_labels

RNG = np.random.default_rng(0)
ARRAY = RNG.integers(0, 1000, (3, 4, 5)).astype(np.int16)  # x y z
RAS = np.array([[-1.0, 0, 0, 90], [0, -2.0, 0, 126], [0, 0, 5.0, -72], [0, 0, 0, 1]])


def nifti(
    array: np.ndarray = ARRAY, affine: np.ndarray = RAS, *, version: int = 1, packed: bool = False, **header: Any
) -> bytes:
    """Bytes of a single-file NIfTI; `header` sets fields after the image is made."""
    image = (nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image)(array, affine)
    for name, value in header.items():
        image.header[name] = value
    data = image.to_bytes()
    return gzip.compress(data) if packed else data


def with_field(data: bytes, offset: int, value: np.generic | np.ndarray) -> bytes:
    return data[:offset] + value.tobytes() + data[offset + value.nbytes :]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_voxels_are_indexed_backwards_and_the_affine_says_the_same_place(version: int, packed: bool) -> None:
    found = read_image(nifti(version=version, packed=packed), "a.nii")
    assert np.array_equal(found.voxels, ARRAY.transpose(2, 1, 0))
    assert found.voxels.dtype == np.int16
    assert np.array_equal(ras_of(found.affine), RAS)
    x, y, z = (RAS @ [1, 2, 3, 1])[:3]
    assert (found.affine @ [3, 2, 1, 1])[:3].tolist() == [-x, -y, z]


def test_big_endian_files_are_read() -> None:
    image = nibabel.Nifti1Image(ARRAY, RAS, nibabel.Nifti1Header(endianness=">"))
    assert np.array_equal(read_image(image.to_bytes(), "a.nii").voxels, ARRAY.transpose(2, 1, 0))


def test_the_qform_is_taken_where_there_is_no_sform_and_one_is_needed() -> None:
    image = nibabel.Nifti1Image(ARRAY, None)
    image.set_qform(RAS, code=1)
    assert np.allclose(ras_of(read_image(image.to_bytes(), "a.nii").affine), RAS, atol=1e-5)
    image.set_qform(None)
    with pytest.raises(BadInputError, match=r"a\.nii: sform_code and qform_code .*0"):
        read_image(image.to_bytes(), "a.nii")


def test_two_forms_that_differ_are_noted_and_the_sform_is_taken() -> None:
    image = nibabel.Nifti1Image(ARRAY, RAS)
    image.set_sform(RAS, code=1)
    image.set_qform(np.diag([1.0, 2.0, 5.0, 1.0]), code=1)
    found = read_image(image.to_bytes(), "a.nii")
    assert found.notes == ("sform and qform differ, took sform",)
    assert np.array_equal(ras_of(found.affine), RAS)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (ARRAY.astype(np.float64), np.int16),
        (np.arange(60).reshape(3, 4, 5).astype(np.int32), np.uint8),
        (ARRAY.astype(np.uint16) + 60_000, np.uint16),
        (ARRAY.astype(np.int32) - 60_000, np.float32),
        (ARRAY / 8, np.float32),
    ],
)
def test_voxels_take_the_narrowest_type_that_holds_them(array: np.ndarray, dtype: type) -> None:
    found = read_image(nifti(array), "a.nii").voxels
    assert found.dtype == dtype
    assert np.array_equal(found, array.transpose(2, 1, 0))


def test_stored_values_are_scaled() -> None:
    image = nibabel.Nifti1Image(ARRAY, RAS)
    image.header.set_slope_inter(0.5, 10)
    data = with_field(with_field(image.to_bytes(), 112, np.float32(0.5)), 116, np.float32(10))
    assert np.array_equal(read_image(data, "a.nii").voxels, ARRAY.transpose(2, 1, 0) * np.float32(0.5) + 10)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_not_finite_are_refused(bad: float) -> None:
    array = ARRAY.astype(np.float32)
    array[1, 1, 1] = bad
    with pytest.raises(BadInputError, match=r"a\.nii: voxels: 1 .*NaN"):
        read_image(nifti(array), "a.nii")


def test_a_constant_image_and_one_beyond_float32_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"a\.nii: voxels: .* 7,"):
        read_image(nifti(np.full((3, 4, 5), 7, np.int16)), "a.nii")
    with pytest.raises(BadInputError, match=r"a\.nii: voxels .*2e\+300.*float32"):
        read_image(nifti(ARRAY * 1e300), "a.nii")


def test_the_whole_tumour_is_every_label_above_none() -> None:
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[0, 0, :4] = [1, 2, 4, 0]
    for array in (labels, labels.astype(np.float32)):
        found = read_labels(nifti(array), "m.nii")
        assert (found.voxels.dtype, found.voxels[:4, 0, 0].tolist(), int(found.voxels.sum())) == (
            np.uint8,
            [1, 1, 1, 0],
            3,
        )


def test_a_label_map_of_another_integer_type_or_with_a_slope_is_read(tmp_path: Path) -> None:
    labels = np.zeros((3, 4, 5), np.int64)
    labels[0, 0, :3] = [1, 2, 4]
    wide = nibabel.Nifti1Image(labels, RAS, dtype=np.int64).to_bytes()
    narrow = nibabel.Nifti1Image(labels.astype(np.int16), RAS)
    scaled = nibabel.Nifti1Image(narrow.get_fdata(), RAS, narrow.header).to_bytes()  # as nibabel saves floats as int16
    as_fractions = with_field(nifti(((labels > 0) * 255).astype(np.uint8)), 112, np.float32(1 / 255))
    for data in (wide, scaled, as_fractions):
        assert read_labels(data, "m.nii").voxels.sum() == 3


def test_a_header_that_claims_more_than_the_file_can_hold_is_refused_before_it_is_read() -> None:
    dims = np.array([3, 30_000, 30_000, 2, 1, 1, 1, 1], np.int16)
    claim = with_field(nifti(), 40, dims)
    with pytest.raises(BadInputError, match=r"a\.nii: dim .*3600000000.*120"):
        read_image(claim, "a.nii")
    with pytest.raises(BadInputError, match=r"a\.nii\.gz: dim .*3600000000"):
        read_image(gzip.compress(claim), "a.nii.gz")


def test_a_gzip_bomb_is_refused_by_its_ratio_or_by_what_follows_the_voxels() -> None:
    bomb = gzip.compress(nifti(np.zeros((1, 1, 1), np.int16)) + bytes(8 << 20))
    with pytest.raises(BadInputError, match=r"a\.nii\.gz: .*header.* 2 bytes"):
        read_image(bomb, "a.nii.gz")
    packed = gzip.compress(nifti(ARRAY))
    dims = np.array([3, 500, 500, 500, 1, 1, 1, 1], np.int16)
    with pytest.raises(
        BadInputError, match=rf"a\.nii\.gz: dim .*250000000.*{1100 * len(gzip.compress(with_field(nifti(), 40, dims)))}"
    ):
        read_image(gzip.compress(with_field(nifti(), 40, dims)), "a.nii.gz")
    assert read_image(packed, "a.nii.gz").voxels.shape == (5, 4, 3)


@pytest.mark.parametrize("keep", [0, 10, 347, 400, 0.5, 0.99])
@pytest.mark.parametrize("packed", [False, True])
def test_a_cut_file_is_refused(keep: float, packed: bool) -> None:
    whole = nifti(np.ascontiguousarray(RNG.integers(0, 1000, (9, 9, 9)).astype(np.int16)), packed=packed)
    with pytest.raises(BadInputError, match=r"^a\.nii"):
        read_image(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep], "a.nii")


def test_a_flipped_bit_in_a_gzip_is_refused() -> None:
    whole = bytearray(nifti(packed=True))
    whole[len(whole) // 2] ^= 4
    with pytest.raises(BadInputError, match=r"^a\.nii"):
        read_image(bytes(whole), "a.nii")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (nifti(RNG.random((3, 4, 5, 2)).astype(np.float32)), r"a\.nii: dim \(3, 4, 5, 2\)"),
        (nifti(RNG.random((3, 4)).astype(np.float32)), r"a\.nii: dim \(3, 4\)"),
        (nifti(np.zeros((3, 4, 5), np.complex64)), "datatype complex64"),
        (nifti(xyzt_units=1), "xyzt_units meter"),
        (with_field(nifti(), 312, np.zeros(4, np.float32)), "sform .*inverse"),
        (with_field(nifti(), 108, np.float32(100)), "vox_offset 100"),
        (with_field(nifti(), 108, np.float32(np.nan)), "a.nii"),
        (with_field(nifti(), 344, np.frombuffer(b"ni1\0", np.uint32)[0]), r"magic n\+1 or n\+2"),
        (b"<html>busy</html>", r"magic n\+1 or n\+2"),
    ],
)
def test_a_file_out_of_form_is_refused_by_field(data: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as caught:
        read_image(data, "a.nii")
    assert str(caught.value).startswith("a.nii")


def test_a_fourth_axis_of_one_is_no_second_volume() -> None:
    assert read_image(nifti(ARRAY[..., None]), "a.nii").voxels.shape == (5, 4, 3)


@pytest.mark.parametrize("packed", [False, True])
def test_one_volume_of_several_is_read_by_its_number(packed: bool) -> None:
    data = nifti(np.stack([ARRAY, 2 * ARRAY, np.full_like(ARRAY, 7)], axis=-1), packed=packed)
    assert count_volumes(data, "a.nii") == 3
    for volume in (0, 1):
        found = read_image(data, "a.nii", volume)
        assert np.array_equal(found.voxels, (1 + volume) * ARRAY.transpose(2, 1, 0))
        assert np.allclose(ras_of(found.affine), RAS)
    with pytest.raises(BadInputError, match=r"a\.nii: voxels: every one is 7"):
        read_image(data, "a.nii", 2)
    assert count_volumes(nifti(), "a.nii") == 1
    assert np.array_equal(read_image(nifti(), "a.nii", 0).voxels, ARRAY.transpose(2, 1, 0))


def test_of_several_volumes_the_others_may_hold_anything_but_must_be_there() -> None:
    values = np.stack([ARRAY.astype(np.float32), np.full(ARRAY.shape, np.nan, np.float32)], axis=-1)
    data = nifti(values)
    assert read_image(data, "a.nii", 0).voxels.dtype == np.int16
    with pytest.raises(BadInputError, match=r"a\.nii: voxels: 60 are NaN"):
        read_image(data, "a.nii", 1)
    with pytest.raises(BadInputError, match=r"a\.nii: dim \(3, 4, 5, 2\) of float32 claims 480 bytes"):
        read_image(data[:-1], "a.nii", 0)
    with pytest.raises(BadInputError, match=r"a\.nii: dim \(3, 4, 5, 1, 3\)"):
        count_volumes(nifti(np.zeros((3, 4, 5, 1, 3), np.int16)), "a.nii")


def test_only_named_errors_leave_the_reader_whatever_bytes_are_changed() -> None:
    whole, rng, refused = nifti(), np.random.default_rng(0), 0
    for _ in range(400):
        data = bytearray(whole)
        for place in rng.integers(0, 352, 3):
            data[place] = rng.integers(256)
        try:
            read_image(bytes(data), "a.nii")
        except BadInputError:
            refused += 1
    assert refused > 50


def test_a_real_label_map_has_the_whole_tumour_that_nibabel_sees(real_data: Path) -> None:
    folder = real_data / "nifti/TCGA-FG-6692"
    truth = np.asarray(nibabel.load(folder / "algorithm_segmentation.nii.gz").dataobj)
    found = read_labels((folder / "algorithm_segmentation.nii.gz").read_bytes(), "labels")
    assert np.array_equal(found.voxels, (truth > 0).transpose(2, 1, 0))
    assert found.voxels.any()


@pytest.mark.parametrize("name", ["flair_native.nii.gz", "flair_brats_space.nii.gz"])
def test_a_real_image_is_read_as_nibabel_reads_it(real_data: Path, name: str) -> None:
    path = real_data / "nifti/TCGA-FG-6692" / name
    image = nibabel.load(path)
    found = read_image(path.read_bytes(), name)
    assert np.array_equal(found.voxels, np.asarray(image.dataobj).transpose(2, 1, 0))
    assert np.allclose(ras_of(found.affine), image.affine, atol=1e-6)
