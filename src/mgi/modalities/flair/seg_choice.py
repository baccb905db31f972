"""Which segmentation of a study is the mask of its FLAIR, and the mask on the image's grid.

What the objects say decides: the series that they were drawn on, then whether a person corrected or drew them, then
when. What that does not tell apart is refused, unless the masks are equal.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom import Volume
from mgi.modalities.flair.dicom_seg import Segmentation
from mgi.modalities.flair.geometry import EMPTY_MASK, require_most_of, resample_mask

# Objects of one series that each draw other parts of the tumour, or one object alone.
Drawing = tuple[Segmentation, ...]
_CORRECTED = re.compile(r"(?<![a-z])(?<!not )(?<!non )(?<!non-)(manually )?corrected(?![a-z])")
_BY_HAND = re.compile(r"(?<![a-z])(?<!not )(?<!non )(?<!non-)manual(ly)?(?![a-z])")


def mask_on_image(candidates: Sequence[Segmentation], volume: Volume) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return the chosen segmentation on the image's grid, as (S, H, W) of 0 and 1, and what was left out."""
    best, reason = choose_segmentation(candidates, volume)
    masks = [_mask_of(drawing, volume) for drawing in best]
    if any(not np.array_equal(mask, masks[0]) for mask in masks[1:]):
        raise BadInputError(
            f"series {volume.series_uid}: segmentations {' and '.join(map(_named, best))} differ, and none is its mask "
            "more than the others by what they say; expected one"
        )
    notes = [note for one in best[0] for note in one.notes]
    if len(candidates) > len(best[0]):
        why = "equal to the others" if len(best) > 1 else reason
        notes.insert(0, f"took segmentation {_named(best[0])} of {len(candidates)}: {why}")
    return masks[0], tuple(notes)


def choose_segmentation(candidates: Sequence[Segmentation], volume: Volume) -> tuple[list[Drawing], str]:
    """Return the drawings that are best by what they say, in order of their UIDs, and the last reason that decided."""
    fitting = [one for one in candidates if volume.series_uid in one.referenced_series]
    reason = "drawn on the image"
    if not fitting and volume.frame_of_reference_uid is not None:
        fitting = [one for one in candidates if one.frame_of_reference_uid == volume.frame_of_reference_uid]
        reason = "in the image's frame of reference"
    if not fitting:
        found = f"none of {len(candidates)} segmentations refers to it or to its FrameOfReferenceUID"
        raise BadInputError(f"series {volume.series_uid}: {found}")
    drawings = _drawings(fitting)
    for why, holds in (("corrected", _is_corrected), ("drawn by hand", _is_by_hand)):
        preferred = [one for one in drawings if holds(one)]
        if 0 < len(preferred) < len(drawings):
            drawings, reason = preferred, why
    dates = [max((part.drawn_at or "") for part in one) for one in drawings]
    if all(dates) and len(set(dates)) > 1:
        drawings = [one for one, date in zip(drawings, dates, strict=True) if date == max(dates)]
        reason = "the latest"
    return drawings, reason


def _drawings(candidates: Sequence[Segmentation]) -> list[Drawing]:
    """Join the objects of one series where no label comes twice: each then draws another part."""
    by_series: dict[str, list[Segmentation]] = {}
    for one in sorted(candidates, key=lambda one: (one.series_uid, one.sop_uid)):
        by_series.setdefault(one.series_uid, []).append(one)
    drawings: list[Drawing] = []
    for objects in by_series.values():
        labels = [part.label.lower() for one in objects for part in one.segments]
        parts = len(set(labels)) == len(labels) and all(one.segments for one in objects)
        drawings += [tuple(objects)] if parts else [(one,) for one in objects]
    return drawings


def _is_corrected(drawing: Drawing) -> bool:
    return all(_CORRECTED.search(_text(one)) for one in drawing)


def _text(one: Segmentation) -> str:
    return one.description.lower().replace("_", " ")


def _is_by_hand(drawing: Drawing) -> bool:
    stated = [bool(one.segments) and all(part.by_hand for part in one.segments) for one in drawing]
    return all(by_hand or _BY_HAND.search(_text(one)) for one, by_hand in zip(drawing, stated, strict=True))


def _mask_of(drawing: Drawing, volume: Volume) -> NDArray[np.uint8]:
    slices, rows, columns = volume.voxels.shape
    shape = (slices, rows, columns)
    whole = np.zeros(shape, np.uint8)
    for one in drawing:
        mask, affine = one.grid
        if volume.series_uid in one.referenced_series:
            mask, affine = one.planes.grid_of_image(volume.affine, slices, f"series {one.series_uid}") or one.grid
        own = resample_mask(mask, affine, shape, volume.affine)
        require_most_of(own, volume.affine, mask, affine, f"series {one.series_uid}")
        whole |= own
    if not whole.any():
        raise BadInputError(f"series {drawing[0].series_uid}: {EMPTY_MASK} of series {volume.series_uid}")
    return whole


def _named(drawing: Drawing) -> str:
    return drawing[0].series_uid
