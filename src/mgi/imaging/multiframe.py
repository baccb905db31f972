"""Enhanced multi-frame objects: what holds for a frame stands in its own functional groups, or in the shared ones."""

from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from mgi.core.errors import BadInputError

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
    """The group of a frame, its own before the shared one; None where there is neither."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    for holder in (dataset.PerFrameFunctionalGroupsSequence[index], shared):
        if holder is not None and holder.get(name):
            return holder[name].value[0]
    return None


def required_group(dataset: Any, index: int, name: str, where: str) -> Any:
    """The group of a frame. Raises BadInputError where there is none."""
    group = functional_group(dataset, index, name)
    if group is None:
        raise BadInputError(f"{where}: frame {index}: {name}: missing")
    return group


def frame_headers(dataset: Any, n_frames: int, where: str) -> list[Any]:
    """One header a frame with the element names of single-frame files; a plain file is its own header.

    Raises BadInputError where there are several frames and not one functional group for each.
    """
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if not groups and n_frames == 1:
        return [dataset]
    if len(groups or []) != n_frames:
        raise BadInputError(
            f"{where}: NumberOfFrames {n_frames}: {len(groups or [])} PerFrameFunctionalGroups, expected one a frame"
        )
    return [_header(dataset, index) for index in range(n_frames)]


def _header(dataset: Any, index: int) -> Any:
    header = Dataset()
    for keyword in ("SOPInstanceUID", "MagneticFieldStrength", *_PLACES):
        if keyword in dataset:
            header[keyword] = dataset[keyword]
    header.InstanceNumber = index + 1
    header.Rows, header.Columns = dataset.Rows, dataset.Columns
    for keyword, (group_name, element) in _PLACES.items():
        group = functional_group(dataset, index, group_name)
        if group is not None and group.get(element) not in (None, "", []):
            value = group[element].value
            first = value[0] if keyword == "InversionTime" and not isinstance(value, float) else value
            header[keyword] = DataElement(keyword, group[element].VR, first)
    modifier = functional_group(dataset, index, "MRModifierSequence")
    if modifier is not None and modifier.get("InversionRecovery") == "YES":
        header.ScanningSequence = "IR"
    return header
