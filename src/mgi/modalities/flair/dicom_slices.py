"""What one DICOM file says of each slice in it, as plain values; an enhanced multi-frame file holds many."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_file import DicomFile, direction_cosines, number_of, pixel_spacing, required_numbers
from mgi.modalities.flair.header import sequence_tags, text_of
from mgi.modalities.flair.multiframe import frame_headers
from mgi.modalities.flair.quarantine import quarantine
from mgi.modalities.flair.slice_order import Placement
from mgi.modalities.flair.stored_pixels import stored_pixels

ACQUISITION_KEYS = ("EchoTime", "TemporalPositionIdentifier", "AcquisitionNumber")


@dataclass(frozen=True, kw_only=True)
class DicomSlice:
    """Where a slice lies, its stored values (H, W), how they become intensities, and `header.sequence_tags`."""

    placement: Placement
    frame_of_reference_uid: str | None
    stored: NDArray[Any] = field(repr=False)
    slope: float
    intercept: float
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
    return DicomSlice(
        placement=_placement(header, stored, where),
        frame_of_reference_uid=text_of(header, "FrameOfReferenceUID") or None,
        stored=stored,
        slope=1.0 if slope is None else slope,
        intercept=0.0 if intercept is None else intercept,
        tags=sequence_tags(header),
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
        acquisition_key=tuple(number_of(header, keyword, where) for keyword in ACQUISITION_KEYS),
    )
