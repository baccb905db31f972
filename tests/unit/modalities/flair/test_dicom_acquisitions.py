"""Of several acquisitions in one series the FLAIR is read, or none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom import Volume, volume_of

UID = "1.2.3.4"
FLAIR = {"EchoTime": 120.0, "InversionTime": 2200.0, "RepetitionTime": 9000.0, "ScanningSequence": ["SE", "IR"]}
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
Members = list[tuple[str, bytes]]
Scan = Callable[..., Members]


@pytest.fixture
def scan(mr_file: Callable[..., bytes]) -> Scan:
    """`n` slices 5 mm apart filled with `value` plus their number, numbered from `first`; `tags` on each."""

    def make(
        n: int = 10, value: int = 0, first: int = 1, tags: dict[str, Any] | None = None, **options: Any
    ) -> Members:
        members = []
        for k in range(n):
            pixels = np.full((3, 4), value + k, np.uint16)
            pixels[0, 0] += 1
            data = mr_file(pixels, position=(0.0, 0.0, 5.0 * k), instance=first + k, tags=tags, **options)
            members.append((f"{first + k}.dcm", data))
        return members

    return make


def values(volume: Volume) -> list[int]:
    return volume.voxels[:, 1, 1].tolist()


def test_a_stray_localiser_is_left_out_and_noted(scan: Scan) -> None:
    stray = scan(2, 500, 90, axes=SAGITTAL)
    volume = volume_of([*stray, *scan(10)], UID)
    assert values(volume) == list(range(10))
    assert volume.notes == ("left out 2 slices of another orientation than the other 10",)


def test_a_localiser_of_another_matrix_is_left_out_too(scan: Scan, mr_file: Callable[..., bytes]) -> None:
    stray = ("90.dcm", mr_file(np.ones((7, 9), np.uint16), axes=SAGITTAL, spacing=(1.0, 1.0), instance=90))
    assert values(volume_of([stray, *scan(10)], UID)) == list(range(10))


def test_two_orientations_of_a_kind_are_refused(scan: Scan) -> None:
    with pytest.raises(
        BadInputError, match=r"1\.2\.3\.4: ImageOrientationPatient: found .* in 10 slices beside .* in 3"
    ):
        volume_of([*scan(3, 500, 90, axes=SAGITTAL), *scan(10)], UID)


def test_of_two_echoes_the_late_one_is_the_flair(scan: Scan) -> None:
    early = scan(10, 500, 1, {**FLAIR, "EchoTime": 20.0})
    volume = volume_of([*early, *scan(10, 0, 11, FLAIR)], UID)
    assert values(volume) == list(range(10))
    assert volume.notes == ("took the 10 of 20 slices with EchoTime 120",)


def test_of_two_time_points_the_one_with_the_inversion_is_the_flair(scan: Scan) -> None:
    t1 = {**FLAIR, "InversionTime": 800.0, "TemporalPositionIdentifier": 1}
    volume = volume_of([*scan(10, 500, 1, t1), *scan(10, 0, 11, {**FLAIR, "TemporalPositionIdentifier": 2})], UID)
    assert values(volume) == list(range(10))
    assert volume.notes == ("took the 10 of 20 slices with TemporalPositionIdentifier 2",)


def test_of_two_acquisitions_the_one_with_the_tags_of_a_flair_is_taken(scan: Scan) -> None:
    other = {**FLAIR, "ScanningSequence": ["SE"], "InversionTime": None, "AcquisitionNumber": 1}
    other = {name: value for name, value in other.items() if value is not None}
    volume = volume_of([*scan(10, 500, 1, other), *scan(10, 0, 11, {**FLAIR, "AcquisitionNumber": 2})], UID)
    assert values(volume) == list(range(10))
    assert volume.notes == ("took the 10 of 20 slices with AcquisitionNumber 2",)


@pytest.mark.parametrize(
    ("keyword", "one", "two"),
    [("EchoTime", 100.0, 120.0), ("TemporalPositionIdentifier", 1, 2), ("AcquisitionNumber", 1, 2)],
)
def test_two_that_could_both_be_the_flair_are_refused(scan: Scan, keyword: str, one: float, two: float) -> None:
    members = [*scan(10, 0, 1, {**FLAIR, keyword: one}), *scan(10, 500, 11, {**FLAIR, keyword: two})]
    with pytest.raises(BadInputError, match=rf"{keyword}: .*{one:g}, {two:g} "):
        volume_of(members, UID)


def test_two_echoes_that_are_both_too_early_are_refused(scan: Scan) -> None:
    members = [*scan(5, 0, 1, {"EchoTime": 20.0}), *scan(5, 0, 6, {"EchoTime": 40.0})]
    with pytest.raises(BadInputError, match=r"EchoTime: .*20, 40 "):
        volume_of(members, UID)


def test_an_acquisition_that_only_repeats_a_few_slices_gives_way_to_the_whole_one(scan: Scan) -> None:
    again = scan(2, 500, 91, {**FLAIR, "AcquisitionNumber": 2})
    volume = volume_of([*scan(10, 0, 1, {**FLAIR, "AcquisitionNumber": 1}), *again], UID)
    assert values(volume) == list(range(10))
    assert volume.notes == ("took the 10 of 12 slices with AcquisitionNumber 1",)


def test_interleaved_acquisitions_are_one_volume(scan: Scan) -> None:
    odd = scan(10, 0, 1, {**FLAIR, "AcquisitionNumber": 1})[::2]
    even = scan(10, 0, 1, {**FLAIR, "AcquisitionNumber": 2})[1::2]
    volume = volume_of([*odd, *even], UID)
    assert (values(volume), volume.notes) == (list(range(10)), ())


def test_repeats_within_the_chosen_echo_are_still_dropped(scan: Scan) -> None:
    early = scan(4, 500, 1, {**FLAIR, "EchoTime": 20.0})
    late = [*scan(4, 0, 11, FLAIR), *scan(1, 900, 99, FLAIR)]
    volume = volume_of([*early, *late], UID)
    assert values(volume) == [0, 1, 2, 3]
    assert volume.notes[1] == "dropped instance 99: repeats the position of instance 11"
