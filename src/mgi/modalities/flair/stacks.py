"""Which slices of a series are the volume, where a series holds more than one: localisers, echoes, repeated scans.

One rule for all of them: a choice is made only where the tags leave one, it is named in the notes, and else refused.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_slices import ACQUISITION_KEYS, DicomSlice
from mgi.modalities.flair.sequence import MIN_ECHO_MS, confirm_flair
from mgi.modalities.flair.slice_order import AXIS_TOLERANCE, stack_normal

MAX_STRAY_SHARE = 0.2  # of the largest stack: three localiser slices beside thirty, not two volumes of a kind
_SAME_POSITION_MM = 1e-2


def choose_stack(slices: Sequence[DicomSlice], where: str) -> tuple[list[DicomSlice], tuple[str, ...]]:
    """Return the slices of one orientation and one acquisition, and what was left out."""
    kept, stray = _one_orientation(slices, where)
    kept, other = _one_acquisition(kept, where)
    return kept, (*stray, *other)


def _one_orientation(slices: Sequence[DicomSlice], where: str) -> tuple[list[DicomSlice], tuple[str, ...]]:
    axes = np.array([entry.placement.axes for entry in slices])
    if not len(axes) or np.abs(axes - axes[0]).max() <= AXIS_TOLERANCE:
        return list(slices), ()
    groups: list[list[DicomSlice]] = []
    for entry in slices:
        for group in groups:
            if np.abs(entry.placement.axes - group[0].placement.axes).max() <= AXIS_TOLERANCE:
                group.append(entry)
                break
        else:
            groups.append([entry])
    groups.sort(key=len, reverse=True)
    stray = [entry for group in groups[1:] for entry in group]
    if len(stray) > MAX_STRAY_SHARE * len(groups[0]):
        first, second = (np.round(group[0].placement.axes.ravel(), 3).tolist() for group in groups[:2])
        raise BadInputError(
            f"{where}: ImageOrientationPatient: found {first} in {len(groups[0])} slices beside {second} in "
            f"{len(groups[1])}, expected one value in all slices"
        )
    return groups[0], (f"left out {len(stray)} slices of another orientation than the other {len(groups[0])}",)


def _one_acquisition(slices: list[DicomSlice], where: str) -> tuple[list[DicomSlice], tuple[str, ...]]:
    """Return the slices of the echo, time point or acquisition that is the FLAIR by its tags, where positions repeat.

    A few slices that were taken again are no acquisition of their own: slice_order keeps one of each.
    """
    positions = _positions(slices)
    if len(set(positions)) == len(slices):
        return slices, ()
    for index, keyword in enumerate(ACQUISITION_KEYS):
        values = [entry.placement.acquisition_key[index] for entry in slices]
        if not _tells_repeats_apart(positions, values):
            continue
        groups = {value: [entry for entry, own in zip(slices, values, strict=True) if own == value] for value in values}
        if keyword == "AcquisitionNumber":
            full = {value: group for value, group in groups.items() if set(_positions(group)) == set(positions)}
            if not full:
                continue
            groups = full
        fitting = list(groups) if len(groups) == 1 else [value for value in groups if _is_flair(groups[value][0])]
        if len(fitting) != 1:
            found = ", ".join(
                _text(value) for value in sorted(groups, key=lambda value: -1.0 if value is None else value)
            )
            raise BadInputError(
                f"{where}: {keyword}: found {found} at the same positions, expected one that is a FLAIR"
            )
        group = groups[fitting[0]]
        kept, notes = _one_acquisition(group, where)
        return kept, (f"took the {len(group)} of {len(slices)} slices with {keyword} {_text(fitting[0])}", *notes)
    return slices, ()


def _is_flair(entry: DicomSlice) -> bool:
    # Any orientation will do: a sagittal scan is cut into axial slices later.
    tags = {keyword: value for keyword, value in entry.tags.items() if keyword != "ImageOrientationPatient"}
    echo = tags.get("EchoTime")
    return isinstance(echo, float) and echo >= MIN_ECHO_MS and confirm_flair(tags) is None


def _positions(slices: Sequence[DicomSlice]) -> list[int]:
    """Return the position of each slice along the normal of their one orientation, in hundredths of a millimetre."""
    if not slices:
        return []
    positions = np.array([entry.placement.position for entry in slices])
    along = positions @ stack_normal(slices[0].placement.axes)
    return [round(position) for position in (along / _SAME_POSITION_MM).tolist()]


def _tells_repeats_apart(positions: list[int], values: list[float | None]) -> bool:
    repeated = {position for position, count in Counter(positions).items() if count > 1}
    pairs = {(position, value) for position, value in zip(positions, values, strict=True) if position in repeated}
    return len(pairs) > len(repeated)


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
