"""Whether a series is an axial FLAIR: first by name and count, later by what the images' tags say.

Names mislead: in TCGA-LGG "SAG T1 FLAIR" is a T1, and "AXIAL FLAIR" has a dozen spellings.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mgi.core.errors import BadInputError
from mgi.locks.item import Item, metadata
from mgi.modalities.flair.complex_part import MAGNITUDE, parts_said
from mgi.modalities.flair.series_names import points_by_name, refusal_by_name

# Of the published FLAIR protocols TI is 1,400-3,000 ms, TE 70-400 ms and TR 4,800-12,000 ms; T1-FLAIR has TI 700-1,100,
# TE below 30 and TR 1,500-3,000. The limits lie between the two families.
TIMES = ("InversionTime", "EchoTime", "RepetitionTime")
MIN_INVERSION_MS = 1_200.0
MIN_ECHO_MS = 70.0
MIN_REPETITION_MS = 4_000.0
MIN_AXIAL_COSINE = 0.8
# Words of ImageType in what was computed from images and is none, and in what was cut anew from one.
_COMPUTED = (
    *("SUB", "SUBTRACT", "PROJECTION", "MIP", "MINIP", "MAXIP", "IP", "ADC", "FA", "TRACE", "MAP", "PERFUSION"),
    *("SCREEN", "SEGMENTATION"),
)
_REFORMAT = ("MPR", "MPVR", "CPR", "REFORMAT", "RESAMPLED")
FLAIR, MASK, OTHER = "flair", "mask", "other"  # the roles of a series


@dataclass(frozen=True, kw_only=True)
class Series:
    """What an archive says about a series before any image is downloaded.

    `n_images` counts slices; `size` is in bytes before packing, 0 where the archive does not say. Where headers were
    read, `contradiction` is why it can be no axial FLAIR, and `doubts` are why another one would be better.
    """

    patient_id: str
    study_uid: str
    study_date: str | None
    key: str
    modality: str
    description: str
    n_images: int
    size: int
    third_party: bool = False
    contradiction: str | None = None
    doubts: tuple[str, ...] = ()


def score(series: Series, *, min_images: int = 15) -> tuple[float, str]:
    """Return how well one series fits an axial FLAIR without contrast, and the reason where it does not (score 0).

    A plain FLAIR scores 1, an axial one 1.5; sagittal or coronal takes 0.5 and contrast 0.25; the count of images
    adds at most 0.1, so that it decides only between otherwise equal names.
    """
    if series.modality != "MR":
        return 0.0, f"modality {series.modality or 'not stated'}"
    if series.third_party:
        return 0.0, "third-party analysis"
    if series.n_images < min_images:
        return 0.0, f"too few images ({series.n_images} of at least {min_images})"
    if refusal := refusal_by_name(series.description):
        return 0.0, refusal
    points = points_by_name(series.description) + min(series.n_images, 200) / 2000
    return round(points, 4), "FLAIR by name"


def is_flair_by_tags(tags: Mapping[str, Any]) -> bool:
    """Whether all three times are stated and are those of an axial FLAIR, whatever the series is called."""
    return all(tags.get(name) for name in TIMES) and confirm_flair(tags) is None


def confirm_flair(tags: Mapping[str, Any]) -> str | None:
    """Return why the images cannot be an axial FLAIR, or None; absent tags contradict nothing.

    `tags` by DICOM keyword: ImageType, ScanningSequence (lists), ComplexImageComponent, InversionTime, EchoTime,
    RepetitionTime (ms), ImageOrientationPatient (six cosines).
    """
    if (component := component_of(tags)) is not None:
        return f"{component} images, not magnitude"
    if (found := _derived(tags)) and _has_word(found, _COMPUTED):
        return f"ImageType {found}: computed from other images"
    sequence = tags.get("ScanningSequence") or []
    inversion, echo, repetition = (tags.get(name) for name in TIMES)
    if inversion and inversion < MIN_INVERSION_MS:
        return f"inversion time {inversion:g} ms is that of a T1 FLAIR"
    if sequence and "IR" not in sequence and not inversion:
        return f"scanning sequence {'+'.join(sequence)} is not an inversion recovery"
    if echo and echo < MIN_ECHO_MS:
        return f"echo time {echo:g} ms is below {MIN_ECHO_MS:g} ms"
    if repetition and repetition < MIN_REPETITION_MS:
        return f"repetition time {repetition:g} ms is below {MIN_REPETITION_MS:g} ms"
    orientation = tags.get("ImageOrientationPatient")
    if orientation is None or len(orientation) != 6:
        return None
    row_x, row_y, _, column_x, column_y, _ = orientation
    cosine = abs(row_x * column_y - row_y * column_x)  # |z| of the slice normal, 1 for axial slices
    return None if cosine > MIN_AXIAL_COSINE else f"slices are not axial (|cosine| to the body axis {cosine:.2f})"


def component_of(tags: Mapping[str, Any]) -> str | None:
    """Return phase, real or imaginary where an image says that it is no magnitude, by element or ImageType."""
    return next((part for part in parts_said(tags) if part != MAGNITUDE), None)


def tags_of_series(images: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the tags of an image that stands for its series: a magnitude, of the plane and type of most of these."""
    taken = [tags for tags in images if tags and component_of(tags) is None] or [tags for tags in images if tags]
    if not taken:
        return {}
    kinds = [(_plane(tags), *_image_type(tags)) for tags in taken]
    return taken[kinds.index(Counter(kinds).most_common(1)[0][0])]


def _plane(tags: Mapping[str, Any]) -> tuple[float, ...]:
    return tuple(round(cosine, 1) for cosine in tags.get("ImageOrientationPatient") or ())


def doubts_of(tags: Mapping[str, Any]) -> tuple[str, ...]:
    """Return why an original series goes before this one; a reformat has one doubt more than what was only derived."""
    if not (found := _derived(tags)):
        return ()
    derived = f"ImageType {found}: derived from other images"
    return (derived, "a reformat") if _has_word(found, _REFORMAT) else (derived,)


def _derived(tags: Mapping[str, Any]) -> str:
    """Return the ImageType of what is not original, empty for what is or does not say."""
    values = _image_type(tags)
    return "\\".join(values) if values[:1] == ["DERIVED"] else ""


def _image_type(tags: Mapping[str, Any]) -> list[str]:
    return [value.strip().upper() for value in tags.get("ImageType") or []]


def _has_word(image_type: str, words: tuple[str, ...]) -> bool:
    found = re.split(r"[^A-Z]+", image_type)
    return any(word == one or (len(one) > 3 and word.startswith(one)) for word in found for one in words)


def item_of(series: Series, role: str, reason: str, *, score: float = 0.0, chosen: bool = False) -> Item:
    """The lock's line about a series that was listed; `score` is how well it fits (0: not a FLAIR)."""
    return Item(
        patient_id=series.patient_id,
        key=series.key,
        role=role,
        size=series.size,
        chosen=chosen,
        reason=reason,
        metadata=metadata(
            study_uid=series.study_uid,
            study_date=series.study_date,
            modality=series.modality,
            description=series.description,
            n_images=series.n_images,
            score=score,
        ),
    )


def check_image_or_mask(item: Item) -> None:
    """A chosen series must be a FLAIR or a mask and hold an image."""
    n_images = item.number("n_images")
    if item.role not in (FLAIR, MASK) or n_images < 1:
        found = f"role {item.role!r}, n_images {n_images}"
        raise BadInputError(f"items: {item.key}: {found}, expected of a chosen series flair or mask and 1 or more")
