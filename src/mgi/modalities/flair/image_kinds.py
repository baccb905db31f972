"""Which images of one orientation are the magnitude, taken and not computed, and each of them once."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.complex_part import MAGNITUDE
from mgi.modalities.flair.dicom_slices import DicomSlice
from mgi.modalities.flair.slice_order import stack_normal

Chosen = tuple[list[DicomSlice], tuple[str, ...]]  # and what to say of those that were left out
_SAME_PLACE_MM = 1e-2
_NEAR = 0.4  # of a step


def magnitude_images(slices: list[DicomSlice], where: str) -> Chosen:
    """Return the slices without phase, real and imaginary images, nor what lies beside a magnitude and is not said."""
    others = Counter(entry.part for entry in slices if entry.part not in (None, MAGNITUDE))
    if not others and len({entry.part for entry in slices}) < 2:
        return slices, ()
    names = " and ".join(sorted(map(str, others)))
    places = places_of(slices)
    covered = {place for place, entry in zip(places, slices, strict=True) if entry.part == MAGNITUDE}
    kept = [
        entry.part == MAGNITUDE or (entry.part is None and place not in covered)
        for place, entry in zip(places, slices, strict=True)
    ]
    if not any(kept):
        raise BadInputError(f"{where}: ImageType: every image is {names}, expected a magnitude image")
    if lacking := len(_far_from_any(slices, kept)):
        found = f"{lacking} of {len(set(places))} places have a {names} image and no magnitude"
        raise BadInputError(f"{where}: ImageType: {found}, expected a magnitude image at each")
    if not (n_left_out := len(slices) - sum(kept)):
        return slices, ()
    note = f"took the {sum(kept)} magnitude images, left out {n_left_out} that are {names or 'not said to be it'}"
    return [entry for entry, keep in zip(slices, kept, strict=True) if keep], (note,)


def _far_from_any(slices: list[DicomSlice], kept: Sequence[bool]) -> set[int]:
    """Return the places of slices that are not kept and have no kept one nearer than the next of the kept."""
    along = along_normal(slices)
    chosen = np.unique(along[np.array(kept)])
    gaps = np.diff(chosen)
    near = max(_SAME_PLACE_MM, _NEAR * float(np.median(gaps)) if len(gaps) else 0.0)
    far = np.abs(along[:, None] - chosen).min(axis=1) > near
    return {place for place, is_far in zip(places_of(slices), far, strict=True) if is_far}


def original_images(slices: list[DicomSlice]) -> Chosen:
    """Return the slices without derived images (subtractions, filtered copies), where each lies at an original."""
    kinds = [str((entry.tags.get("ImageType") or [""])[0]).upper() for entry in slices]
    by_kind: dict[str, set[int]] = {"ORIGINAL": set(), "DERIVED": set()}
    for place, kind in zip(places_of(slices), kinds, strict=True):
        by_kind.setdefault(kind, set()).add(place)
    if not by_kind["DERIVED"] or not by_kind["DERIVED"] <= by_kind["ORIGINAL"]:
        return slices, ()
    kept = [entry for entry, kind in zip(slices, kinds, strict=True) if kind != "DERIVED"]
    return kept, (f"took {len(kept)} images, left out {len(slices) - len(kept)} that are derived from others",)


def without_copies(slices: list[DicomSlice]) -> Chosen:
    """Return the slices without those that are equal in pixels to one at their place; the lowest instance stays."""

    def rank(index: int) -> tuple[float, str]:
        placement = slices[index].placement
        number = placement.instance_number
        return (float("inf") if number is None else number), placement.sop_uid

    places = places_of(slices)
    if len(set(places)) == len(slices):
        return slices, ()
    first: dict[int, list[int]] = {}
    notes = []
    for index in sorted(range(len(slices)), key=rank):
        at_place = first.setdefault(places[index], [])
        twin = next((other for other in at_place if _are_copies(slices[other], slices[index])), None)
        if twin is None:
            at_place.append(index)
        else:
            own, other_number = (slices[one].placement.instance_number for one in (index, twin))
            notes.append(f"dropped instance {own}: repeats the position of instance {other_number}")
    kept = sorted(index for at_place in first.values() for index in at_place)
    return [slices[index] for index in kept], tuple(notes)


def _are_copies(one: DicomSlice, other: DicomSlice) -> bool:
    same = (one.placement.scan_key, one.slope, one.intercept) == (
        other.placement.scan_key,
        other.slope,
        other.intercept,
    )
    return same and np.array_equal(one.stored, other.stored)


def places_of(slices: Sequence[DicomSlice]) -> list[int]:
    """Return a number for each slice's place along the normal of their one orientation, equal where they coincide."""
    if not slices:
        return []
    along = along_normal(slices)
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order]) > _SAME_PLACE_MM
    places = np.empty(len(slices), np.int64)
    places[order] = np.concatenate([[0], np.cumsum(steps)])
    return [int(place) for place in places]


def along_normal(slices: Sequence[DicomSlice]) -> NDArray[np.float64]:
    """Return the position of each slice along the normal of their one orientation, in mm."""
    positions = np.array([entry.placement.position for entry in slices])
    return np.asarray(positions @ stack_normal(slices[0].placement.axes))
