"""What one DICOM file says of each slice in it, as plain values; an enhanced multi-frame file holds many.

What holds for one frame of such a file stands in its own functional groups, or in the shared ones.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray
from pydicom.tag import Tag

from mgi.core.errors import BadInputError
from mgi.modalities.flair.complex_part import complex_part
from mgi.modalities.flair.dicom_file import DicomFile, direction_cosines, number_of, pixel_spacing, required_numbers
from mgi.modalities.flair.dicom_pixels import padding_range, stored_pixels
from mgi.modalities.flair.header import sequence_tags, text_of
from mgi.modalities.flair.quarantine import quarantine
from mgi.modalities.flair.slice_order import Placement

# What tells images at one place apart, in the order in which it is asked.
ACQUISITION_KEYS = ("EchoTime", "TemporalPositionIdentifier", "AcquisitionNumber", "InversionTime", "AcquisitionTime")
SCAN_KEYS = ("EchoTime", "TemporalPositionIdentifier", "InversionTime")  # those that copies of an image share
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
    "AcquisitionTime": ("FrameContentSequence", "FrameAcquisitionDateTime"),
    "ImageType": ("MRImageFrameTypeSequence", "FrameType"),
    "ComplexImageComponent": ("MRImageFrameTypeSequence", "ComplexImageComponent"),
}


@dataclass(frozen=True, kw_only=True)
class DicomSlice:
    """Where a slice lies, its stored values (H, W), how they become intensities, and `header.sequence_tags`.

    `acquisition` are the values of ACQUISITION_KEYS, `part` is what `complex_part` says, `padding` are the
    lowest and highest stored value that is no image.
    """

    placement: Placement
    acquisition: dict[str, float | None]
    part: str | None
    frame_of_reference_uid: str | None
    stored: NDArray[Any] = field(repr=False)
    slope: float
    intercept: float
    padding: tuple[int, int] | None
    tags: dict[str, Any]


def slices_of(file: DicomFile, series_uid: str | None = None) -> list[DicomSlice]:
    """Return every slice of one file, in the file's order; `series_uid` is the series that it must be of."""
    where = file.where
    with quarantine(where):
        file.require_decodable()
        header = file.header
        if (samples := number_of(header, "SamplesPerPixel", where)) not in (None, 1):
            raise BadInputError(f"{where}: SamplesPerPixel {samples:g}, expected 1")
        if series_uid not in (None, found := text_of(header, "SeriesInstanceUID")):
            raise BadInputError(f"{where}: SeriesInstanceUID {found}, expected the series'")
        n_frames = int(number_of(header, "NumberOfFrames", where) or 1)
        headers = [header] if file.pixels is not None else frame_headers(file.dataset, header, n_frames, where)
        stored = stored_pixels(file, n_frames)
        return [_slice_of(own, pixels, where) for own, pixels in zip(headers, stored, strict=True)]


def _slice_of(header: dict[str, Any], stored: NDArray[Any], where: str) -> DicomSlice:
    slope, intercept = number_of(header, "RescaleSlope", where), number_of(header, "RescaleIntercept", where)
    if slope == 0:
        raise BadInputError(f"{where}: RescaleSlope 0, expected another number")
    instance = number_of(header, "InstanceNumber", where)
    acquisition = {keyword: _key_of(header, keyword, where) for keyword in ACQUISITION_KEYS}
    return DicomSlice(
        placement=Placement(
            sop_uid=text_of(header, "SOPInstanceUID"),
            instance_number=None if instance is None else int(instance),
            shape=(stored.shape[0], stored.shape[1]),
            axes=direction_cosines(header, where),
            spacing_mm=pixel_spacing(header, where),
            position=required_numbers(header, "ImagePositionPatient", 3, where),
            thickness_mm=number_of(header, "SliceThickness", where),
            stated_step_mm=number_of(header, "SpacingBetweenSlices", where),
            scan_key=tuple(acquisition[keyword] for keyword in SCAN_KEYS),
        ),
        acquisition=acquisition,
        part=complex_part(header, where),
        frame_of_reference_uid=text_of(header, "FrameOfReferenceUID") or None,
        stored=stored,
        slope=1.0 if slope is None else slope,
        intercept=0.0 if intercept is None else intercept,
        padding=padding_range(header, where),
        tags=sequence_tags(header),
    )


def _key_of(header: dict[str, Any], keyword: str, where: str) -> float | None:
    """Return a number that is equal for the images of one acquisition; a time may be any text."""
    if keyword != "AcquisitionTime":
        return number_of(header, keyword, where)
    digits = re.match(r"[\d.]+", text_of(header, keyword).replace(":", ""))
    try:
        return float(digits[0]) if digits else None
    except ValueError:
        return None


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
    found: dict[str, Any] = {}
    for keyword, (group_name, element) in _PLACES.items():
        group = functional_group(dataset, index, group_name)
        value = None if group is None else group.get(element)
        if value not in (None, "", []):
            # Several inversions (FD 1-n) were one preparation; the first is the one that nulls the fluid.
            found[keyword] = value[0] if element == "InversionTimes" and not isinstance(value, float) else value
    if functional_group(dataset, index, "MRImageFrameTypeSequence") is not None:
        # What the object says of all its frames, such as MIXED, says nothing of this one.
        found = {"ImageType": None, "ComplexImageComponent": None, **found}
    modifier = functional_group(dataset, index, "MRModifierSequence")
    if modifier is not None and modifier.get("InversionRecovery") == "YES":
        found["ScanningSequence"] = "IR"
    return found
