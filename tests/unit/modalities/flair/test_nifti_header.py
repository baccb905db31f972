import gzip

import nibabel
import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.nifti import count_slices

AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])


def write(path, shape=(4, 5, 6), affine=AFFINE, kind=nibabel.Nifti1Image):
    nibabel.save(kind(np.zeros(shape, np.int16), affine), path)
    return path


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_slices_are_counted_towards_the_head(tmp_path, kind, name):
    assert count_slices(write(tmp_path / name, kind=kind)) == 6
    turned = AFFINE[:, [2, 0, 1, 3]]
    assert count_slices(write(tmp_path / name, affine=turned, kind=kind)) == 4
    assert count_slices(write(tmp_path / name, shape=(4, 5, 6, 1), kind=kind)) == 6


def test_a_claimed_volume_is_refused_from_its_header(tmp_path):
    header = nibabel.Nifti1Header()
    header.set_data_shape((32767, 32767, 3))
    header.set_sform(AFFINE, 1)
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(100)))
    with pytest.raises(BadInputError, match=r"b\.nii\.gz: vox_offset 0"):
        count_slices(tmp_path / "b.nii.gz")
    with pytest.raises(BadInputError, match=r"a\.nii: dim \(4, 5, 6, 2\)"):
        count_slices(write(tmp_path / "a.nii", shape=(4, 5, 6, 2)))


@pytest.mark.parametrize(
    "content", [b"", b"PK", gzip.compress(b"x" * 400, mtime=0)[:-9], b"\x5c\x01\x00\x00", bytes(400)]
)
def test_what_is_no_nifti_is_one_line(tmp_path, content):
    (tmp_path / "a.nii.gz").write_bytes(content)
    with pytest.raises(BadInputError, match=r"^a\.nii\.gz: ") as caught:
        count_slices(tmp_path / "a.nii.gz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "n_slices"), [("flair_native", 26), ("flair_brats_space", 155)])
def test_a_published_volume_passes(real_data, name, n_slices):
    assert count_slices(real_data / "nifti" / "TCGA-FG-6692" / f"{name}.nii.gz") == n_slices
