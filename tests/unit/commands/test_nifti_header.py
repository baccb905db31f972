import gzip

import nibabel
import numpy as np
import pytest

from mgi.commands._nifti_header import MAX_VOXELS, read_nifti_header
from mgi.core.errors import BadInputError

AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])


def write(path, shape=(4, 5, 6), affine=AFFINE, kind=nibabel.Nifti1Image):
    nibabel.save(kind(np.zeros(shape, np.int16), affine), path)
    return path


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_slices_are_counted_along_the_body_axis(tmp_path, kind, name):
    assert read_nifti_header(write(tmp_path / name, kind=kind)).n_slices == 6
    turned = AFFINE[:, [2, 0, 1, 3]]
    assert read_nifti_header(write(tmp_path / name, affine=turned, kind=kind)).n_slices == 4
    assert read_nifti_header(write(tmp_path / name, shape=(4, 5, 6, 1), kind=kind)).n_slices == 6


@pytest.mark.parametrize("field", ["srow_x", "qoffset_x"])
def test_a_place_that_is_no_number_is_refused(tmp_path, field):
    path = write(tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    header = nibabel.Nifti1Header(bytes(content[:348]))
    header["sform_code"], header["qform_code"] = int(field == "srow_x"), int(field != "srow_x")
    header[field] = np.nan
    content[:348] = header.binaryblock
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"a\.nii: affine is not finite"):
        read_nifti_header(path)


def test_a_flat_or_claimed_volume_is_refused_from_its_header(tmp_path):
    header = nibabel.Nifti1Header()
    header.set_data_shape((4, 5, 6))
    header.set_sform(np.diag([1.0, 1.0, 0.0, 1.0]), 1)
    (tmp_path / "flat.nii").write_bytes(header.binaryblock)
    with pytest.raises(BadInputError, match="affine is not finite or flat"):
        read_nifti_header(tmp_path / "flat.nii")
    with pytest.raises(BadInputError, match=r"shape \(4, 5, 6, 2\), expected three"):
        read_nifti_header(write(tmp_path / "a.nii", shape=(4, 5, 6, 2)))
    header.set_data_shape((32767, 32767, 3))
    header.set_sform(AFFINE, 1)
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(100)))
    with pytest.raises(BadInputError, match=f"at most {MAX_VOXELS} voxels"):
        read_nifti_header(tmp_path / "b.nii.gz")


def test_a_header_without_its_voxels_and_one_that_needs_repair_are_refused_in_silence(tmp_path, capfd):
    header = nibabel.nifti1.Nifti1PairHeader()
    header.set_data_shape((4, 5, 6))
    (tmp_path / "a.nii").write_bytes(header.binaryblock)
    with pytest.raises(BadInputError, match="not a NIfTI file of one piece"):
        read_nifti_header(tmp_path / "a.nii")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"PK", gzip.compress(b"x" * 400)[:-9], b"\x5c\x01\x00\x00", bytes(400)])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_what_is_no_nifti_is_one_line(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInputError, match=f"^{name}: not ") as caught:
        read_nifti_header(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_single_changed_byte_never_gives_another_error(tmp_path):
    start = write(tmp_path / "a.nii").read_bytes()[:352]
    rng = np.random.default_rng(5)
    outcomes = set()
    for _ in range(400):
        changed = bytearray(start)
        changed[rng.integers(348)] = rng.integers(256)
        (tmp_path / "b.nii").write_bytes(changed)
        try:
            outcomes.add(read_nifti_header(tmp_path / "b.nii").n_slices > 0)
        except BadInputError:
            outcomes.add("refused")
    assert outcomes == {True, "refused"}


@pytest.mark.parametrize(("name", "n_slices"), [("flair_native", 26), ("flair_brats_space", 155)])
def test_a_published_volume_passes(real_data, name, n_slices):
    assert read_nifti_header(real_data / "nifti" / "TCGA-FG-6692" / f"{name}.nii.gz").n_slices == n_slices
