from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom import Volume, volume_of
from mgi.modalities.flair.dicom_seg import Segmentation, segmentations_of
from mgi.modalities.flair.seg_choice import choose_segmentation, mask_on_image

SegFile = Callable[..., bytes]
TUMOUR = {"label": "Tumor", "category": ("49755003", "Morphologically Altered Structure")}
BRAIN = {"label": "Brain", "category": ("123037004", "Anatomical Structure"), "kind": ("12738006", "Brain")}
POSITIONS = [(0.0, 0.0, 5.0 * k) for k in range(20)]


@pytest.fixture
def volume(mr_file: Callable[..., bytes]) -> Volume:
    """Twenty slices of 8 x 8, 5 mm apart."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(100, 900, (20, 8, 8)).astype(np.uint16)
    members = [(f"{k}", mr_file(pixels[k], position=POSITIONS[k], instance=k + 1)) for k in range(20)]
    return volume_of(members, "1.2.3.4")


def drawn(first: int, last: int, size: int = 3) -> np.ndarray:
    mask = np.zeros((20, 8, 8), np.uint8)
    mask[first:last, 1 : 1 + size, 1 : 1 + size] = 1
    return mask


@pytest.fixture
def segmentation(seg_file: SegFile) -> Callable[..., Segmentation]:
    """An object of series `uid` that draws `mask`, a frame for each slice that has any."""

    def make(uid: str = "1.2.3.9", mask: np.ndarray | None = None, **options: Any) -> Segmentation:
        mask = drawn(8, 12) if mask is None else mask
        kept = [k for k in range(20) if mask[k].any()]
        tags = {"SeriesInstanceUID": uid, **options.pop("tags", {})}
        data = seg_file(mask[kept], [POSITIONS[k] for k in kept], **{"segments": [TUMOUR], **options}, tags=tags)
        return segmentations_of([("1.dcm", data)], uid)[0]

    return make


Maker = Callable[..., Segmentation]


def test_of_tumour_and_brain_the_tumour_alone_is_the_mask(seg_file: SegFile, volume: Volume) -> None:
    tumour, brain = drawn(8, 12), drawn(2, 18, 6)
    frames = [(mask[k], POSITIONS[k], number) for number, mask in ((1, brain), (2, tumour)) for k in range(20)]
    pixels, positions, numbers = zip(*(frame for frame in frames if frame[0].any()), strict=True)
    data = seg_file(np.array(pixels), positions, segments=[BRAIN, TUMOUR], segment_of_frame=numbers)
    mask, notes = mask_on_image(segmentations_of([("1.dcm", data)], "1.2.3.9"), volume)
    assert np.array_equal(mask, tumour)
    assert notes == ("left out segments that are no tumour: Brain (Brain)",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"segments": [BRAIN]}, r"SegmentSequence: found Brain \(Brain\), expected one that says tumour"),
        ({"segments": [BRAIN, TUMOUR]}, r"PixelData: nothing drawn in Tumor"),
        ({"segments": [TUMOUR], "segment_of_frame": [1, 1, 1, 7]}, r"frame 3: ReferencedSegmentNumber 7"),
    ],
)
def test_an_object_without_a_drawn_tumour_is_refused(
    segmentation: Maker, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInputError, match=rf"series 1\.2\.3\.9: 1\.dcm: {message}"):
        segmentation(**options)


def test_a_thickness_stated_below_the_spacing_loses_nothing_of_the_mask(
    segmentation: Maker, volume: Volume, mr_file: Callable[..., bytes]
) -> None:
    for step in (1.0, 2.5, None):
        assert np.array_equal(mask_on_image([segmentation(step=step)], volume)[0], drawn(8, 12))
    pixels = np.random.default_rng(1).integers(100, 900, (8, 8)).astype(np.uint16)
    fine = [(f"{k}", mr_file(pixels + k, position=(0.0, 0.0, k), instance=k)) for k in range(100)]
    other = volume_of(fine, "1.2.3.4")  # of 1 mm slices, in the same frame of reference
    mask, _ = mask_on_image([segmentation(step=1.0, references=("1.2.9",))], other)
    assert mask.any(axis=(1, 2)).sum() == 20  # four slices of 5 mm


def test_single_slices_with_others_left_out_stay_single_on_the_image_that_they_were_drawn_on(
    segmentation: Maker, volume: Volume
) -> None:
    mask = drawn(4, 5) + drawn(8, 9) + drawn(12, 13)
    assert np.array_equal(mask_on_image([segmentation(mask=mask)], volume)[0], mask)


def test_a_mask_that_lies_mostly_beside_the_image_is_refused(segmentation: Maker, volume: Volume) -> None:
    mask = drawn(0, 20, 7)
    shifted = segmentation(mask=mask)
    part = Volume(**{**vars(volume), "voxels": volume.voxels[:3], "positions_mm": volume.positions_mm[:3]})
    with pytest.raises(BadInputError, match=r"series 1\.2\.3\.9: mask: .* ml lie on the image, expected at least half"):
        mask_on_image([shifted], part)


BY_HAND = [{**TUMOUR, "algorithm": "MANUAL"}]


@pytest.mark.parametrize(
    ("worse", "better", "reason"),
    [
        ({"references": ("1.9",)}, {}, "drawn on the image"),
        ({"tags": {"SeriesDescription": "uncorrected"}}, {"tags": {"SeriesDescription": "Corrected"}}, "corrected"),
        ({"segments": BY_HAND}, {"tags": {"ContentDescription": "manually_corrected"}}, "corrected"),
        ({}, {"segments": BY_HAND}, "drawn by hand"),
        (
            {"tags": {"SeriesDescription": "AUTOMATIC"}},
            {"tags": {"SeriesDescription": "FLAIR_MANUAL"}},
            "drawn by hand",
        ),
        ({"tags": {"ContentDate": "20200101"}}, {"tags": {"ContentDate": "20210101"}}, "the latest"),
        ({"tags": {"SeriesDate": "20200101", "SeriesTime": "0930"}},
         {"tags": {"SeriesDate": "20200101", "SeriesTime": "1130"}}, "the latest"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("higher", [True, False])
def test_what_the_objects_say_decides_and_not_their_uids(
    segmentation: Maker, volume: Volume, worse: dict[str, Any], better: dict[str, Any], reason: str, higher: bool
) -> None:
    first, second = (
        segmentation("1.2.3.1", drawn(1, 5), **(worse if higher else better)),
        segmentation("1.2.3.8", drawn(8, 12), **(better if higher else worse)),
    )
    wanted = second if higher else first
    for candidates in ([first, second], [second, first]):
        mask, notes = mask_on_image(candidates, volume)
        assert np.array_equal(mask, drawn(8, 12) if higher else drawn(1, 5))
        assert notes == (f"took segmentation {wanted.series_uid} of 2: {reason}",)


@pytest.mark.parametrize("tags", [{}, {"ContentDate": "20200101"}])
def test_two_that_nothing_tells_apart_are_refused_unless_they_are_equal(
    segmentation: Maker, volume: Volume, tags: dict[str, Any]
) -> None:
    one, two = segmentation("1.2.3.1", tags=tags), segmentation("1.2.3.8", drawn(1, 5), tags=tags)
    with pytest.raises(BadInputError, match=r"series 1\.2\.3\.4: segmentations 1\.2\.3\.1 and 1\.2\.3\.8 differ"):
        mask_on_image([two, one], volume)
    mask, notes = mask_on_image([segmentation("1.2.3.8", tags=tags), one], volume)
    assert np.array_equal(mask, drawn(8, 12))
    assert notes == ("took segmentation 1.2.3.1 of 2: equal to the others",)


def test_objects_of_one_series_that_draw_other_parts_are_joined(segmentation: Maker, volume: Volume) -> None:
    core = segmentation(mask=drawn(8, 12), segments=[{"label": "NCR"}], tags={"SOPInstanceUID": "1.1"})
    oedema = segmentation(mask=drawn(6, 14), segments=[{"label": "edema"}], tags={"SOPInstanceUID": "1.2"})
    again = segmentation(mask=drawn(1, 3), segments=[{"label": "ncr"}], tags={"SOPInstanceUID": "1.3"})
    assert np.array_equal(mask_on_image([oedema, core], volume)[0], drawn(6, 14))
    with pytest.raises(BadInputError, match="differ"):
        mask_on_image([oedema, core, again], volume)


def test_an_object_of_another_frame_is_refused(segmentation: Maker, volume: Volume) -> None:
    stranger = segmentation(references=("1.9",), tags={"FrameOfReferenceUID": "9.9"})
    with pytest.raises(BadInputError, match=r"series 1\.2\.3\.4: .* 1 segmentations.*FrameOfReferenceUID"):
        choose_segmentation([stranger], volume)


def test_the_object_drawn_on_the_series_comes_before_one_of_the_same_frame(segmentation: Maker, volume: Volume) -> None:
    near = segmentation("1.2.3.8", references=("1.9",))
    assert choose_segmentation([near], volume)[0] == [(near,)]
