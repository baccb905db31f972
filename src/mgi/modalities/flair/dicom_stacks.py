"""The slices of one volume among all that a series holds: localisers, phase images, echoes, repeated scans.

A choice is made only where the tags leave one, it is named in the notes, and else refused.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_slices import ACQUISITION_KEYS, SCAN_KEYS, DicomSlice
from mgi.modalities.flair.image_kinds import (
    Chosen,
    magnitude_images,
    original_images,
    places_of,
    without_copies,
)
from mgi.modalities.flair.sequence import MIN_ECHO_MS, confirm_flair
from mgi.modalities.flair.slice_order import AXIS_TOLERANCE
from mgi.modalities.flair.whole_scans import are_whole_scans, require_one_numbering

MIN_KEPT_SHARE = 0.2  # of a series' images, copies aside: five echoes or parts of one slice, not ten time points
MAX_STRAY_SHARE = 0.2  # of the largest stack: three localiser slices beside thirty, not two volumes of a kind


def choose_stack(slices: Sequence[DicomSlice], where: str) -> Chosen:
    """Return the slices of one orientation, the magnitude, the original, and one acquisition, and what was left out."""
    kept, stray = _one_orientation(slices, where)
    kept, parts = magnitude_images(kept, where)
    kept, derived = original_images(kept)
    once, copies = without_copies(kept)
    n_images = len(slices) - (len(kept) - len(once))
    kept, other = _one_acquisition(once, where)
    _require_few_repeats(kept, where)
    require_one_numbering(kept, where)
    left_out = (*stray, *parts, *derived, *other)
    if len(kept) < MIN_KEPT_SHARE * n_images:
        found = f"{len(kept)} of {n_images} images are the FLAIR's ({'; '.join(left_out)})"
        raise BadInputError(f"{where}: {found}, expected at least {MIN_KEPT_SHARE:.0%} of a series")
    return kept, (*stray, *parts, *derived, *copies, *other)


def _one_orientation(slices: Sequence[DicomSlice], where: str) -> Chosen:
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


def _one_acquisition(slices: list[DicomSlice], where: str) -> Chosen:
    """Return the slices of the echo, time point or acquisition that is the FLAIR by its tags, where several are whole.

    They repeat positions, or lie between one another (see `whole_scans`). A few slices that were taken again are no
    acquisition of their own: slice_order keeps one of each.
    """
    places = places_of(slices)
    for keyword in ACQUISITION_KEYS:
        values = [entry.acquisition[keyword] for entry in slices]
        groups = {value: [entry for entry, own in zip(slices, values, strict=True) if own == value] for value in values}
        if len(groups) < 2:
            continue
        if _tells_repeats_apart(places, values):
            if keyword not in SCAN_KEYS:
                held = {value: {places[at] for at, own in enumerate(values) if own == value} for value in groups}
                groups = {value: group for value, group in groups.items() if held[value] == set(places)}
        elif not are_whole_scans(list(groups.values()), differ=keyword in SCAN_KEYS, values=list(groups)):
            continue
        if not groups:
            continue
        fitting = list(groups) if len(groups) == 1 else [value for value in groups if _is_flair(groups[value][0])]
        if len(fitting) != 1:
            found = ", ".join(
                _text(value) for value in sorted(groups, key=lambda value: -1.0 if value is None else value)
            )
            raise BadInputError(
                f"{where}: {keyword}: found {found} at the same positions or between one another, "
                "expected one that is a FLAIR"
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


def _require_few_repeats(slices: list[DicomSlice], where: str) -> None:
    """Refuse two volumes at the same places that no tag tells apart; one or two slices may have been taken again."""
    counts = Counter(places_of(slices))
    repeated = sum(count > 1 for count in counts.values())
    if repeated > max(1.0, MAX_STRAY_SHARE * len(counts)):
        found = f"{repeated} of {len(counts)} places have several images that differ"
        raise BadInputError(f"{where}: ImagePositionPatient: {found} and no tag tells them apart, expected one each")


def _tells_repeats_apart(places: list[int], values: list[float | None]) -> bool:
    repeated = {place for place, count in Counter(places).items() if count > 1}
    pairs = {(place, value) for place, value in zip(places, values, strict=True) if place in repeated}
    return len(pairs) > len(repeated)


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
