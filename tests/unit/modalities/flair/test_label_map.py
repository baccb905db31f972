import numpy as np
import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.modalities.flair.label_map import Labels, tumour_of
from mgi.modalities.flair.settings import FlairSettings


def voxels(*labels: float, dtype: type = np.float64) -> np.ndarray:
    return np.array([[labels, [0] * len(labels)]], dtype)


def tumour(*labels: float, known: Labels | None = None) -> list[int]:
    return tumour_of(voxels(*labels), known, "m.nii")[0][0, 0].tolist()


def test_by_default_the_labels_of_brats_and_a_mask_of_255_are_tumour() -> None:
    assert tumour(0, 1, 2, 4) == [0, 1, 1, 1]
    assert tumour(0, 255) == [0, 1]
    assert tumour(0, 0) == [0, 0]


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint64, np.float32])
def test_the_type_of_a_map_does_not_matter(dtype: type) -> None:
    found, notes = tumour_of(voxels(0, 1, 4, dtype=dtype), None, "m.nii")
    assert (found.dtype, found[0, 0].tolist(), notes) == (np.uint8, [0, 1, 1], ())


def test_what_a_tool_rounded_is_the_label() -> None:
    assert tumour(0.00002, 1.00002, 1.9993, 255.0, known=Labels((1, 2), (0, 255))) == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((0, 1, 3, 3), r"label 3 in 2 voxels, .* 0, 1, 2, 4, or 0 and 255; .*modalities\.flair\.labels"),
        ((0, 255, 1, 1), "label 255 in 1 voxel,"),
        ((0, -1, 1, 1), "label -1 in 1 voxel,"),
        ((0, 5, 6, 6), "label 5 in 1 voxel, 6 in 2 voxels,"),
        ((0, *range(10, 17)), "14 in 1 voxel and 2 more,"),
        ((0, 0.5, 1, 1), r"label 0\.5 in 1 voxel is no whole number"),
        ((0, 1.002, 1, 1), r"label 1\.002 in 1 voxel is no whole number"),
        ((0, np.nan, 1, 1), "label nan in 1 voxel"),
        ((0, np.inf, 1, 1), "label inf in 1 voxel"),
    ],
)
def test_another_label_is_refused_with_its_count_and_what_to_set(labels: tuple[float, ...], said: str) -> None:
    with pytest.raises(BadInputError, match=rf"^m\.nii: .*{said}"):
        tumour_of(voxels(*labels), None, "m.nii")


def test_a_stated_map_decides_and_says_what_it_left_out() -> None:
    found, notes = tumour_of(voxels(0, 1, 3, 4, 4), Labels((1, 2, 3), (0, 4)), "m.nii")
    assert found[0, 0].tolist() == [0, 1, 1, 0, 0]
    assert notes == ("no tumour by modalities.flair.labels: label 4 (2 voxels)",)
    with pytest.raises(BadInputError, match=r"label 4 in 2 voxels, expected only 0, 1, 2, 3;"):
        tumour_of(voxels(0, 1, 3, 4, 4), Labels((1, 2, 3)), "m.nii")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tumour": []}, r"labels\.tumour: .*at least 1"),
        ({"background": [0, 4]}, r"labels\.background: found 4"),
        ({"tumour": [70000]}, r"labels\.tumour\[0\]: .*65535"),
        ({"tumour": [1.5]}, r"labels\.tumour\[0\]: .*integer"),
        ({"tumour": [1, 1]}, r"labels\.tumour: .*twice"),
        ({"tumour": [0, 1]}, r"labels\.background: found 0"),
        ({"tumor": [1]}, r"labels\.tumor: unknown key; did you mean 'labels\.tumour'"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        FlairSettings.read({"source": "nifti", "labels": given})


def test_a_map_is_refused_where_no_label_file_is_read() -> None:
    with pytest.raises(ConfigError, match=r"labels: .*nifti or dicom"):
        FlairSettings.read({"source": "kaggle", "labels": {"tumour": [1]}})
