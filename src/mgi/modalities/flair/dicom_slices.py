"""What one DICOM file says of each slice in it, as plain values; an enhanced multi-frame file holds many."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_file import (
    direction_cosines,
    number_of,
    parse_dicom,
    parse_plain,
    pixel_spacing,
    required_numbers,
)
from mgi.modalities.flair.header import text_of
from mgi.modalities.flair.multiframe import frame_headers
from mgi.modalities.flair.quarantine import quarantine
from mgi.modalities.flair.slice_order import Placement
from mgi.modalities.flair.stored_pixels import plain_pixels, stored_pixels

TAGS = ("ScanningSequence", "InversionTime", "EchoTime", "RepetitionTime", "MagneticFieldStrength", "SliceThickness")
MOMENTS = ("EchoTime", "TemporalPositionIdentifier", "AcquisitionNumber")


@dataclass(frozen=True, kw_only=True)
class DicomSlice:
    """Where a slice lies, its stored values (H, W), how they become intensities, and the tags that tell a FLAIR.

    `tags` are numbers in ms, T and mm, or text with codes joined by a backslash; None where absent.
    """

    placement: Placement
    series_uid: str
    frame_of_reference_uid: str | None
    stored: NDArray[Any] = field(repr=False)
    slope: float
    intercept: float
    tags: dict[str, float | str | None]


def slices_of(data: bytes, where: str) -> list[DicomSlice]:
    """Every slice of one file, in the file's order.

    Raises BadInputError naming the field, ResourceError where its transfer syntax has no decoder here.
    """
    with quarantine(where):
        if (plain := parse_plain(data, where)) is not None:
            pixels, header = plain
            _check_samples(header, where)
            return [_slice_of(header, plain_pixels(pixels, header, where)[0], where)]
        dataset, header = parse_dicom(data, where)
        _check_samples(header, where)
        n_frames = int(number_of(header, "NumberOfFrames", where) or 1)
        headers = frame_headers(dataset, header, n_frames, where)
        planes = stored_pixels(dataset, header, n_frames, where)
        return [_slice_of(own, plane, where) for own, plane in zip(headers, planes, strict=True)]
    raise AssertionError("unreachable")


def _check_samples(header: dict[str, Any], where: str) -> None:
    if (samples := number_of(header, "SamplesPerPixel", where)) not in (None, 1):
        raise BadInputError(f"{where}: SamplesPerPixel {samples:g}, expected 1")


def _slice_of(header: dict[str, Any], stored: NDArray[Any], where: str) -> DicomSlice:
    slope, intercept = number_of(header, "RescaleSlope", where), number_of(header, "RescaleIntercept", where)
    if slope == 0:
        raise BadInputError(f"{where}: RescaleSlope 0, expected another number")
    return DicomSlice(
        placement=_placement(header, stored, where),
        series_uid=text_of(header, "SeriesInstanceUID"),
        frame_of_reference_uid=text_of(header, "FrameOfReferenceUID") or None,
        stored=stored,
        slope=1.0 if slope is None else slope,
        intercept=0.0 if intercept is None else intercept,
        tags={keyword: _tag(header.get(keyword)) for keyword in TAGS},
    )


def _placement(header: dict[str, Any], stored: NDArray[Any], where: str) -> Placement:
    instance = number_of(header, "InstanceNumber", where)
    return Placement(
        sop_uid=text_of(header, "SOPInstanceUID"),
        instance_number=None if instance is None else int(instance),
        shape=(stored.shape[0], stored.shape[1]),
        axes=direction_cosines(header, where),
        spacing_mm=pixel_spacing(header, where),
        position=required_numbers(header, "ImagePositionPatient", 3, where),
        thickness_mm=number_of(header, "SpacingBetweenSlices", where) or number_of(header, "SliceThickness", where),
        moment=tuple(number_of(header, keyword, where) for keyword in MOMENTS),
    )


def _tag(value: Any) -> float | str | None:
    if value is None:
        return None
    return float(value) if isinstance(value, int | float) else "\\".join([value] if isinstance(value, str) else value)
