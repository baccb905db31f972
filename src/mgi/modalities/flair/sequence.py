"""Which series of a patient is the axial FLAIR: first by name and count, later by what the images' tags say.

Names mislead: in TCGA-LGG "SAG T1 FLAIR" is a T1, and "AXIAL FLAIR" has a dozen spellings.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mgi.core.errors import BadInputError
from mgi.locks.item import Item, metadata

_WORD = r"(?<![a-z]){}(?![a-z])"
_FLAIR = re.compile(r"flair|dark.?fluid|tirm", re.IGNORECASE)
_T1 = re.compile(r"t1(?!\d)", re.IGNORECASE)
_DERIVED = re.compile(_WORD.format(r"(seg|segmentation|mpr|mip|localizer|scout|dwi|adc|perf\w*)"), re.IGNORECASE)
_AXIAL = re.compile(_WORD.format(r"(ax|axials?|tra|transverse)"), re.IGNORECASE)
_OTHER_PLANE = re.compile(_WORD.format(r"(sag\w*|cor|coronal)"), re.IGNORECASE)
_CONTRAST = re.compile(_WORD.format(r"(post|gd|gad\w*)") + r"|\+\s?c\b", re.IGNORECASE)

# Of the published FLAIR protocols TI is 1,400-3,000 ms, TE 70-400 ms and TR 4,800-12,000 ms; T1-FLAIR has TI 700-1,100,
# TE below 30 and TR 1,500-3,000. The limits lie between the two families.
TIMES = ("InversionTime", "EchoTime", "RepetitionTime")
MIN_INVERSION_MS = 1_200.0
MIN_ECHO_MS = 70.0
MIN_REPETITION_MS = 4_000.0
MIN_AXIAL_COSINE = 0.8
FLAIR, MASK, OTHER = "flair", "mask", "other"  # the roles of a series


@dataclass(frozen=True, kw_only=True)
class Series:
    """What an archive says about a series before any image is downloaded.

    `n_images` counts slices; `size` is in bytes before packing, 0 where the archive does not say.
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


def score(series: Series, *, min_images: int = 15) -> tuple[float, str]:
    """Return how well one series fits an axial FLAIR without contrast, and the reason where it does not (score 0).

    A plain FLAIR scores 1, an axial one 1.5; sagittal or coronal takes 0.5 and contrast 0.25; the count of images
    adds at most 0.1, so that it decides only between otherwise equal names.
    """
    name = re.sub(r"[_/\\.,-]+", " ", series.description)
    if series.modality != "MR":
        return 0.0, f"modality {series.modality or 'not stated'}"
    if series.third_party:
        return 0.0, "third-party analysis"
    if series.n_images < min_images:
        return 0.0, f"too few images ({series.n_images} of at least {min_images})"
    if found := _DERIVED.search(name):
        return 0.0, f"name says {found[0].lower()}"
    if not _FLAIR.search(name):
        return 0.0, "no FLAIR in the name"
    if _T1.search(name):
        return 0.0, "a T1 FLAIR"
    points = 1.0 + 0.5 * bool(_AXIAL.search(name)) - 0.5 * bool(_OTHER_PLANE.search(name))
    points -= 0.25 * bool(_CONTRAST.search(name))
    points += min(series.n_images, 200) / 2000
    return round(points, 4), "FLAIR by name"


def choose_flair(series: Sequence[Series], *, min_images: int = 15) -> list[Item]:
    """Judge all series of one patient, in the given order: one FLAIR at most, and every segmentation of its study.

    Of several studies with a FLAIR the earliest is used, before it those that hold a segmentation: a mask of
    another day does not fit the image. Equal best scores in that study choose nothing.
    """
    scored = [(one, *score(one, min_images=min_images)) for one in series]
    with_mask = {one.study_uid for one in series if one.modality == "SEG"}
    first = min(
        (one for one, points, _ in scored if points > 0),
        key=lambda one: (one.study_uid not in with_mask, one.study_date or "9999", one.study_uid),
        default=None,
    )
    study = None if first is None else first.study_uid
    rivals = [(one, points) for one, points, _ in scored if one.study_uid == study]
    best = max((points for _, points in rivals), default=0.0)
    winners = [one for one, points in rivals if points == best]
    return [_judge(one, points, reason, study=study, winners=winners) for one, points, reason in scored]


def _judge(one: Series, points: float, reason: str, *, study: str | None, winners: Sequence[Series]) -> Item:
    decided = len(winners) == 1
    if one.modality == "SEG":
        if decided and one.study_uid == study:
            return item_of(one, MASK, "segmentation in the study of the FLAIR", chosen=True)
        return item_of(one, MASK, "other study preferred" if decided else "no FLAIR chosen")
    if points == 0:
        return item_of(one, OTHER, reason)
    if one.study_uid != study:
        return item_of(one, FLAIR, "other study preferred", score=points)
    if one not in winners:
        return item_of(one, FLAIR, f"scores below {winners[0].key}", score=points)
    if not decided:
        rivals = ", ".join(rival.key for rival in winners if rival is not one)
        return item_of(one, FLAIR, f"tie with {rivals}", score=points)
    return item_of(one, FLAIR, "best FLAIR of its study", score=points, chosen=True)


def is_flair_by_tags(tags: Mapping[str, Any]) -> bool:
    """Whether all three times are stated and are those of an axial FLAIR, whatever the series is called."""
    return all(tags.get(name) for name in TIMES) and confirm_flair(tags) is None


def confirm_flair(tags: Mapping[str, Any]) -> str | None:
    """Return why the images cannot be an axial FLAIR, or None; absent tags contradict nothing.

    `tags` by DICOM keyword: ScanningSequence (list of codes), InversionTime, EchoTime, RepetitionTime (ms),
    ImageOrientationPatient (six cosines).
    """
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
