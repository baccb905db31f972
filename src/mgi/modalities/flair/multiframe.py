"""Enhanced multi-frame objects: what holds for a frame stands in its own functional groups, or in the shared ones."""

from typing import Any

from pydicom.tag import Tag

from mgi.core.errors import BadInputError

_PER_FRAME, _SHARED = Tag("PerFrameFunctionalGroupsSequence"), Tag("SharedFunctionalGroupsSequence")
# Where an enhanced object keeps what a single-frame file says in an element of the name on the left.
_PLACES = {
    "ImagePositionPatient": ("PlanePositionSequence", "ImagePositionPatient"),
    "ImageOrientationPatient": ("PlaneOrientationSequence", "ImageOrientationPatient"),
    "PixelSpacing": ("PixelMeasuresSequence", "PixelSpacing"),
    "SliceThickness": ("PixelMeasuresSequence", "SliceThickness"),
    "SpacingBetweenSlices": ("PixelMeasuresSequence", "SpacingBetweenSlices"),
    "RescaleSlope": ("PixelValueTransformationSequence", "RescaleSlope"),
    "RescaleIntercept": ("PixelValueTransformationSequence", "RescaleIntercept"),
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "InversionTime": ("MRModifierSequence", "InversionTimes"),
    "RepetitionTime": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "TemporalPositionIdentifier": ("FrameContentSequence", "TemporalPositionIndex"),
    "AcquisitionNumber": ("FrameContentSequence", "FrameAcquisitionNumber"),
}


def functional_group(dataset: Any, index: int, name: str) -> Any | None:
    """Return the group of a frame, its own before the shared one; None where there is neither."""
    tag = Tag(name)
    for holder in (dataset[_PER_FRAME].value[index], *(dataset[_SHARED].value[:1] if _SHARED in dataset else ())):
        if tag in holder and (items := holder[tag].value):
            return items[0]
    return None


def required_group(dataset: Any, index: int, name: str, where: str) -> Any:
    """Return the group of a frame. Raises BadInputError where there is none."""
    group = functional_group(dataset, index, name)
    if group is None:
        raise BadInputError(f"{where}: frame {index}: {name}: missing")
    return group


def frame_headers(dataset: Any, header: dict[str, Any], n_frames: int, where: str) -> list[dict[str, Any]]:
    """Return one header a frame with the element names of single-frame files; a plain file has its own."""
    n_groups = len(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    if n_groups == 0 and n_frames == 1:
        return [header]
    if n_groups != n_frames:
        found = f"{n_groups} PerFrameFunctionalGroups"
        raise BadInputError(f"{where}: NumberOfFrames {n_frames}: {found}, expected one a frame")
    return [{**header, "InstanceNumber": index + 1.0, **_own(dataset, index)} for index in range(n_frames)]


def _own(dataset: Any, index: int) -> dict[str, Any]:
    found = {}
    for keyword, (group_name, element) in _PLACES.items():
        group = functional_group(dataset, index, group_name)
        value = None if group is None else group.get(element)
        if value not in (None, "", []):
            # Several inversions (FD 1-n) were one preparation; the first is the one that nulls the fluid.
            found[keyword] = value[0] if element == "InversionTimes" and not isinstance(value, float) else value
    modifier = functional_group(dataset, index, "MRModifierSequence")
    if modifier is not None and modifier.get("InversionRecovery") == "YES":
        found["ScanningSequence"] = "IR"
    return found
