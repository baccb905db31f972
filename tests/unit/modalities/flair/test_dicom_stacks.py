"""Which slices of a series are its volume, where phase images or another scan lie beside them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom import Volume, volume_of

UID = "1.2.3.4"
FLAIR = {"EchoTime": 120.0, "InversionTime": 2200.0, "RepetitionTime": 9000.0, "ScanningSequence": ["SE", "IR"]}
MAGNITUDE = {**FLAIR, "ImageType": ["ORIGINAL", "PRIMARY", "M_IR", "M", "IR"]}
PHASE = {**FLAIR, "ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "IR"]}
Members = list[tuple[str, bytes]]
Scan = Callable[..., Members]


@pytest.fixture
def scan(mr_file: Callable[..., bytes]) -> Scan:
    """`n` slices from height `z` on, `step` mm apart, filled with `value` plus their number, numbered from `first`."""

    def make(
        n: int = 10, value: int = 0, first: int = 1, tags: Any = None, *, z: float = 0.0, step: float = 5.0
    ) -> Members:
        members = []
        for k in range(n):
            pixels = np.full((3, 4), value + k, np.uint16)
            pixels[0, 0] += 1
            data = mr_file(pixels, position=(0.0, 0.0, z + step * k), instance=first + k, tags=tags)
            members.append((f"{first + k}.dcm", data))
        return members

    return make


def values(volume: Volume) -> list[int]:
    return volume.voxels[:, 1, 1].tolist()


def woven(one: Members, other: Members) -> Members:
    return [member for pair in zip(one, other, strict=True) for member in pair]


@pytest.mark.parametrize("part", ["P", "R", "I"])
@pytest.mark.parametrize("first", [1, 11])
def test_the_magnitude_is_the_flair_whichever_is_numbered_first(scan: Scan, part: str, first: int) -> None:
    other = scan(10, 500, first, {**FLAIR, "ImageType": ["ORIGINAL", "PRIMARY", part, "ND"]})
    magnitude = scan(10, 0, 12 - first, MAGNITUDE)
    for members in ([*other, *magnitude], woven(other, magnitude)):
        volume = volume_of(members, UID)
        assert values(volume) == list(range(10))
        assert volume.notes[0].startswith("took the 10 magnitude images, left out 10 that are ")


def test_the_complex_component_says_it_too(scan: Scan) -> None:
    phase = scan(10, 500, 1, {**FLAIR, "ComplexImageComponent": "PHASE"})
    assert values(volume_of([*phase, *scan(10, 0, 11, {**FLAIR, "ComplexImageComponent": "MAGNITUDE"})], UID)) == list(
        range(10)
    )
    assert values(volume_of([*phase, *scan(10, 0, 11, FLAIR)], UID)) == list(range(10))  # what is left is not phase


def test_an_image_that_does_not_say_what_it_is_gives_way_to_the_magnitude(scan: Scan) -> None:
    volume = volume_of([*scan(10, 500, 1, FLAIR), *scan(10, 0, 11, MAGNITUDE)], UID)
    assert values(volume) == list(range(10))
    assert volume.notes == ("took the 10 magnitude images, left out 10 that are not said to be it",)


@pytest.mark.parametrize("tags", [PHASE, {**FLAIR, "ComplexImageComponent": "IMAGINARY"}])
def test_a_series_without_any_magnitude_is_refused(scan: Scan, tags: Any) -> None:
    with pytest.raises(BadInputError, match=r"series 1\.2\.3\.4: ImageType: every image is (phase|imaginary)"):
        volume_of(scan(10, tags=tags), UID)


def test_a_place_that_has_a_phase_image_alone_is_a_missing_slice(scan: Scan) -> None:
    odd = scan(10, 0, 1, MAGNITUDE)[::2]
    with pytest.raises(BadInputError, match="ImageType: 5 of 10 places have a phase image and no magnitude"):
        volume_of([*odd, *scan(10, 500, 11, PHASE)[1::2]], UID)
    with pytest.raises(BadInputError, match="ImageType: 1 of 10 places"):
        volume_of([*scan(9, 0, 1, MAGNITUDE), *scan(10, 500, 11, PHASE)], UID)


def test_two_volumes_at_one_place_that_no_tag_tells_apart_are_refused(scan: Scan) -> None:
    with pytest.raises(BadInputError, match="ImagePositionPatient: 10 of 10 places have several images that differ"):
        volume_of([*scan(10, 0, 1, FLAIR), *scan(10, 500, 11, FLAIR)], UID)


def test_copies_of_every_image_are_dropped_by_their_pixels(scan: Scan) -> None:
    volume = volume_of([*scan(3, 0, 11, FLAIR), *scan(3, 0, 1, FLAIR)], UID)
    assert values(volume) == [0, 1, 2]
    assert volume.notes == tuple(f"dropped instance {k + 10}: repeats the position of instance {k}" for k in (1, 2, 3))


def test_two_inversions_at_one_place_are_never_copies(scan: Scan) -> None:
    t1 = scan(10, 500, 1, {**FLAIR, "InversionTime": 800.0})
    volume = volume_of([*t1, *scan(10, 0, 11, FLAIR)], UID)
    assert values(volume) == list(range(10))
    assert volume.notes == ("took the 10 of 20 slices with InversionTime 2200",)


@pytest.mark.parametrize(
    ("keyword", "one", "two"),
    [
        ("AcquisitionNumber", 1, 2),
        ("TemporalPositionIdentifier", 1, 2),
        ("AcquisitionTime", "101500.25", "102200"),
    ],
)
@pytest.mark.parametrize("shift", [0.3, 2.0, 4.0])
def test_two_whole_scans_that_are_shifted_are_told_apart_by_their_tags(
    scan: Scan, keyword: str, one: Any, two: Any, shift: float
) -> None:
    other = {"EchoTime": 120.0, "RepetitionTime": 9000.0, "ScanningSequence": ["SE"]}  # a T2: without inversion
    flair = scan(10, 0, 1, {**FLAIR, keyword: one})
    volume = volume_of([*flair, *scan(10, 500, 11, {**other, keyword: two}, z=shift)], UID)
    assert values(volume) == list(range(10))
    assert volume.notes[0].startswith("took the 10 of 20 slices with ")
    with pytest.raises(BadInputError, match=rf"{keyword}: found .* between one another"):
        volume_of([*flair, *scan(10, 500, 11, {**FLAIR, keyword: two}, z=shift)], UID)


def test_three_scans_are_no_more_one_than_two(scan: Scan) -> None:
    scans = [scan(8, 0, 10 * k, {**FLAIR, "AcquisitionNumber": k}, z=1.5 * k) for k in (1, 2, 3)]
    with pytest.raises(BadInputError, match="AcquisitionNumber: found 1, 2, 3 "):
        volume_of([member for one in scans for member in one], UID)


def test_scans_half_a_step_apart_are_two_where_their_slices_lie_within_each_other(scan: Scan) -> None:
    def passes(**tags: Any) -> Members:
        return [
            member
            for k in (1, 2)
            for member in scan(10, 0, 10 * k, {**FLAIR, **tags, "AcquisitionNumber": k}, z=2.5 * k)
        ]

    for tags in ({"SliceThickness": 5.0}, {"SpacingBetweenSlices": 5.0}, {"SliceThickness": 4.0}):
        with pytest.raises(BadInputError, match="AcquisitionNumber: found 1, 2 "):
            volume_of(passes(**tags), UID)
    for tags in ({"SliceThickness": 2.5}, {}, {"SliceThickness": 3.0, "SpacingBetweenSlices": 2.5}):
        assert len(volume_of(passes(**tags), UID).voxels) == 20


def test_slabs_above_one_another_are_one_volume(scan: Scan) -> None:
    lower, upper = (
        scan(5, 5 * k, 1 + 5 * k, {**FLAIR, "AcquisitionNumber": k, "SliceThickness": 5.0}, z=25.0 * k) for k in (0, 1)
    )
    assert values(volume_of([*lower, *upper], UID)) == list(range(10))


def test_echoes_that_take_turns_are_no_one_volume(scan: Scan) -> None:
    odd = scan(5, 0, 1, {**FLAIR, "EchoTime": 20.0}, step=10.0)
    even = scan(5, 500, 11, FLAIR, z=5.0, step=10.0)
    volume = volume_of([*odd, *even], UID)
    assert values(volume) == [500, 501, 502, 503, 504]
    rounded = scan(5, 0, 1, {**FLAIR, "EchoTime": 119.7}, step=10.0)
    assert len(volume_of([*rounded, *even], UID).voxels) == 10


def test_shifted_scans_without_any_tag_are_refused_as_uneven(scan: Scan) -> None:
    with pytest.raises(BadInputError, match=r"ImagePositionPatient: .*not evenly spaced"):
        volume_of([*scan(10, 0, 1, FLAIR), *scan(10, 500, 11, FLAIR, z=2.0)], UID)


def test_a_scan_moved_by_a_whole_step_is_no_row_of_repeats(scan: Scan) -> None:
    with pytest.raises(BadInputError, match="9 of 11 places have several images that differ"):
        volume_of([*scan(10, 0, 1, FLAIR), *scan(10, 500, 11, FLAIR, z=5.0)], UID)


def test_an_image_that_was_derived_gives_way_to_the_original_at_its_place(scan: Scan) -> None:
    derived = {**FLAIR, "ImageType": ["DERIVED", "SECONDARY", "M", "SUB"]}
    volume = volume_of([*scan(10, 500, 1, derived), *scan(10, 0, 11, MAGNITUDE)], UID)
    assert values(volume) == list(range(10))
    assert volume.notes == ("took 10 images, left out 10 that are derived from others",)
    assert values(volume_of(scan(10, 0, 1, derived), UID)) == list(range(10))  # alone it is judged as a series


@pytest.mark.parametrize("told_by", [None, "TemporalPositionIdentifier", "AcquisitionNumber", "EchoTime"])
def test_a_series_of_which_most_images_would_be_left_out_is_refused_with_counts(
    scan: Scan, told_by: str | None
) -> None:
    members: Members = []
    for time in range(10):
        tags = FLAIR if told_by is None else {**FLAIR, told_by: 120 if (told_by, time) == ("EchoTime", 0) else time + 1}
        members += scan(15, 40 * time, 15 * time + 1, tags)
    with pytest.raises(BadInputError, match=r"15 of 15|15 of 150|found 1, 2, 3"):
        volume_of(members, UID)


def test_two_echoes_and_copies_are_not_most_of_a_series(scan: Scan) -> None:
    first = scan(10, 500, 1, {**FLAIR, "EchoTime": 12.0})
    copies = [member for n in range(5) for member in scan(10, 0, 11 + 10 * n, FLAIR)]
    assert values(volume_of([*first, *copies], UID)) == list(range(10))


def test_scans_half_a_step_apart_that_no_tag_tells_apart_are_told_by_their_numbers(scan: Scan) -> None:
    thick = {**FLAIR, "SliceThickness": 5.0}
    for count, shift in ((2, 2.5), (3, 5 / 3)):
        scans = [scan(10, 20 * k, 1 + 10 * k, thick, z=shift * k) for k in range(count)]
        with pytest.raises(BadInputError, match=rf"InstanceNumber: slices lie within .* as {count} scans"):
            volume_of([member for one in scans for member in one], UID)
    with pytest.raises(BadInputError, match=r"InstanceNumber: slices lie within .* as 2 scans, from 1 and from 1 on"):
        volume_of([*scan(10, 0, 1, thick), *scan(10, 20, 1, thick, z=2.5)], UID)
    assert len(volume_of(scan(20, 0, 1, thick, step=2.5), UID).voxels) == 20  # one scan, reconstructed so
    thin = {**FLAIR, "SliceThickness": 2.5}
    assert len(volume_of([*scan(10, 0, 1, thin), *scan(10, 20, 11, thin, z=2.5)], UID).voxels) == 20  # two passes


def test_a_phase_image_a_little_beside_its_magnitude_is_left_out_too(scan: Scan) -> None:
    assert values(volume_of([*scan(10, 500, 11, PHASE, z=0.5), *scan(10, 0, 1, MAGNITUDE)], UID)) == list(range(10))
