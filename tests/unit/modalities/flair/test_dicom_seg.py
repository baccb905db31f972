from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom import Volume, read_dicom_members, volume_of
from mgi.modalities.flair.dicom_seg import Segmentation, segmentations_of
from mgi.modalities.flair.seg_choice import mask_on_image

SEG = "1.2.3.9"
SegFile = Callable[..., bytes]
FRAMES = (np.random.default_rng(1).random((4, 3, 4)) > 0.5).astype(np.uint8)
POSITIONS = [(1.0, 2.0, 5.0 * k) for k in range(4)]


@pytest.fixture
def volume(mr_file: Callable[..., bytes]) -> Volume:
    """Four slices 5 mm apart on the grid of POSITIONS."""
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    return volume_of([(f"{k}.dcm", mr_file(pixels, position=POSITIONS[k], instance=k)) for k in range(4)], "1.2.3.4")


def one(data: bytes) -> Segmentation:
    return segmentations_of([("1.dcm", data)], SEG)[0]


def test_bit_packed_frames_become_a_mask_in_geometric_order(seg_file: SegFile) -> None:
    order = [2, 0, 3, 1]
    found = one(seg_file(FRAMES[order], [POSITIONS[k] for k in order]))
    assert np.array_equal(found.mask, FRAMES)
    assert (found.affine @ [1, 0, 0, 1])[:3].tolist() == [1.0, 2.0, 5.0]
    assert found.referenced_series == ("1.2.3.4",)


def test_frames_that_were_left_out_are_empty(seg_file: SegFile) -> None:
    found = one(seg_file(FRAMES[[0, 3]], [POSITIONS[0], POSITIONS[3]]))
    assert np.array_equal(found.mask[[0, 3]], FRAMES[[0, 3]])
    assert not found.mask[[1, 2]].any()


def test_left_out_frames_are_found_by_thickness_where_no_step_is_stated(seg_file: SegFile) -> None:
    found = one(seg_file(FRAMES[[0, 2]], [POSITIONS[0], POSITIONS[2]], step=None))
    assert found.mask.shape[0] == 3


def test_a_stated_step_that_the_frames_do_not_lie_on_gives_way_to_the_gap(seg_file: SegFile) -> None:
    positions = [(1.0, 2.0, 6.5 * k) for k in range(4)]
    found = one(seg_file(FRAMES, positions, step=4.0))
    assert found.affine[2, 0] == pytest.approx(6.5)
    assert np.array_equal(found.mask, FRAMES)


def test_fractions_count_from_half_of_their_maximum(seg_file: SegFile) -> None:
    frames = np.array([[[0, 99, 100, 200]]], np.uint8)
    assert one(seg_file(frames, POSITIONS[:1], kind="FRACTIONAL")).mask.ravel().tolist() == [0, 0, 1, 1]


def test_segments_at_one_place_are_united(seg_file: SegFile) -> None:
    found = one(seg_file(FRAMES[:2], [POSITIONS[0], POSITIONS[0]]))
    assert np.array_equal(found.mask[0], FRAMES[0] | FRAMES[1])


def test_a_mask_on_the_image_grid_is_copied_exactly(seg_file: SegFile, volume: Volume) -> None:
    assert np.array_equal(mask_on_image([one(seg_file(FRAMES, POSITIONS))], volume)[0], FRAMES)


def test_a_mask_of_few_frames_lands_on_their_slices(seg_file: SegFile, volume: Volume) -> None:
    mask, _ = mask_on_image([one(seg_file(FRAMES[[2]], [POSITIONS[2]]))], volume)
    assert np.array_equal(mask[2], FRAMES[2])
    assert not mask[[0, 1, 3]].any()


def test_a_mask_drawn_upside_down_is_turned_to_the_image(seg_file: SegFile, volume: Volume) -> None:
    # Rows run towards the front: the first row lies where the image has its last (2 rows of 2 mm further back).
    positions = [(1.0, 2.0 + 4.0, z) for _, _, z in POSITIONS]
    found = one(seg_file(FRAMES[:, ::-1], positions, axes=(1.0, 0, 0, 0, -1.0, 0)))
    assert np.array_equal(mask_on_image([found], volume)[0], FRAMES)


def test_a_mask_beside_the_image_is_refused(seg_file: SegFile, volume: Volume) -> None:
    far = one(seg_file(FRAMES, [(500.0, 2.0, z) for _, _, z in POSITIONS]))
    with pytest.raises(BadInputError, match=r"series 1\.2\.3\.9: .*empty.*series 1\.2\.3\.4"):
        mask_on_image([far], volume)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"kind": "LABELMAP"}, "SegmentationType LABELMAP"),
        ({"tags": {"NumberOfFrames": 3}}, "NumberOfFrames"),
        ({"tags": {"SeriesInstanceUID": "9.9"}}, "SeriesInstanceUID"),
        ({"tags": {"PixelData": bytes(2)}}, r"1\.dcm: .*DICOM \(ValueError"),
        ({"tags": {"SharedFunctionalGroupsSequence": []}}, "PixelMeasuresSequence"),
        ({"spacing": (2.0, -1.0)}, "PixelSpacing"),
        ({"axes": (1.0, 0, 0, 1.0, 0, 0)}, "ImageOrientationPatient"),
    ],
)
def test_an_object_out_of_form_is_refused_by_field(seg_file: SegFile, options: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInputError, match=field) as caught:
        one(seg_file(FRAMES, POSITIONS, **options))
    assert str(caught.value).startswith(f"series {SEG}")


def test_frames_at_uneven_places_are_refused(seg_file: SegFile) -> None:
    positions = [(1.0, 2.0, z) for z in (0.0, 5.0, 8.1, 20.0)]
    with pytest.raises(BadInputError, match=r"1\.dcm: ImagePositionPatient: .*even"):
        one(seg_file(FRAMES, positions))


def test_objects_are_read_from_their_archive(tmp_path: Path, seg_file: SegFile, zip_of: Callable[..., Path]) -> None:
    path = zip_of({"1.dcm": seg_file(FRAMES, POSITIONS)}, tmp_path / "seg.zip")
    assert len(segmentations_of(read_dicom_members(path), SEG)) == 1
