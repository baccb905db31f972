"""Tumour masks as DICOM Segmentation objects (PS3.3 A.51): binary, one bit a pixel, one frame a slice."""

import io

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, SegmentationStorage

from mgi_standin.simulation.dicom import decimal, file_head, image_uid, study_dataset
from mgi_standin.simulation.identifiers import uid_of
from mgi_standin.simulation.series import MaskSeries, Study


def encode_mask(mask: MaskSeries, study: Study) -> tuple[str, bytes]:
    """SOPInstanceUID and bytes of the one file of a mask series."""
    uid = uid_of(mask.uid, "image", "0")
    buffer = io.BytesIO()
    dcmwrite(
        buffer,
        _mask_dataset(mask, study, uid),
        implicit_vr=False,
        little_endian=True,
        enforce_file_format=False,
    )
    return uid, file_head(str(SegmentationStorage), uid, str(ExplicitVRLittleEndian)) + buffer.getvalue()


def pack_frames(frames: NDArray[np.bool_]) -> bytes:
    """Frames (F, H, W) as one run of bits, the first pixel in the lowest bit, padded to an even length."""
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    return packed + b"\x00" * (len(packed) % 2)


def _mask_dataset(mask: MaskSeries, study: Study, uid: str) -> Dataset:
    _, rows, columns = mask.source.placement.shape
    dataset = study_dataset(study)
    dataset.Manufacturer, dataset.ManufacturerModelName = "MGI SIMULATION", "1"
    dataset.DeviceSerialNumber = "1"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.SOPClassUID = SegmentationStorage
    dataset.SOPInstanceUID = uid
    dataset.Modality = "SEG"
    dataset.SeriesDescription = mask.description
    dataset.SeriesInstanceUID = mask.uid
    dataset.SeriesNumber = str(mask.number)
    dataset.InstanceNumber = "1"
    dataset.ContentLabel = "GLIOMA"
    dataset.ContentDescription = "Simulated glioma segmentation"
    dataset.ContentCreatorName = "mgi^simulation"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.NumberOfFrames = str(len(mask.slices))
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 1, 0
    dataset.PixelRepresentation = 0
    dataset.LossyImageCompression = "00"
    dataset.SegmentationType = "BINARY"
    dataset.SegmentSequence = Sequence([_segment()])
    _add_dimensions(dataset, uid)
    dataset.ReferencedSeriesSequence = Sequence([_referenced_series(mask)])
    dataset.SharedFunctionalGroupsSequence = Sequence([_shared_groups(mask)])
    frames = [_frame_groups(mask, index, place) for place, index in enumerate(mask.slices, start=1)]
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    dataset.PixelData = pack_frames(mask.mask[list(mask.slices)])
    dataset["PixelData"].VR = "OB"
    return dataset


def _segment() -> Dataset:
    segment = Dataset()
    segment.SegmentNumber = 1
    segment.SegmentLabel = "Glioma"
    segment.SegmentAlgorithmType = "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = Sequence(
        [_code("49755003", "SCT", "Morphologically Abnormal Structure")]
    )
    segment.SegmentedPropertyTypeCodeSequence = Sequence([_code("108369006", "SCT", "Neoplasm")])
    return segment


def _add_dimensions(dataset: Dataset, uid: str) -> None:
    organization = Dataset()
    organization.DimensionOrganizationUID = uid_of(uid, "dimensions")
    position = Dataset()
    position.DimensionOrganizationUID = organization.DimensionOrganizationUID
    position.DimensionIndexPointer = 0x00200032  # ImagePositionPatient
    position.FunctionalGroupPointer = 0x00209113  # PlanePositionSequence
    dataset.DimensionOrganizationSequence = Sequence([organization])
    dataset.DimensionIndexSequence = Sequence([position])


def _referenced_series(mask: MaskSeries) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = mask.source.uid
    series.ReferencedInstanceSequence = Sequence(
        [_reference(image_uid(mask.source, image)) for image in range(len(mask.source.slices))]
    )
    return series


def _reference(image: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = MRImageStorage
    reference.ReferencedSOPInstanceUID = image
    return reference


def _shared_groups(mask: MaskSeries) -> Dataset:
    slice_mm, row_mm, column_mm = mask.source.placement.spacing_mm
    orientation = Dataset()
    orientation.ImageOrientationPatient = [decimal(value) for value in mask.source.placement.orientation()]
    measures = Dataset()
    measures.SliceThickness = decimal(0.8 * slice_mm)
    measures.SpacingBetweenSlices = decimal(slice_mm)
    measures.PixelSpacing = [decimal(row_mm), decimal(column_mm)]
    segment = Dataset()
    segment.ReferencedSegmentNumber = 1
    shared = Dataset()
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.SegmentIdentificationSequence = Sequence([segment])
    return shared


def _frame_groups(mask: MaskSeries, index: int, place: int) -> Dataset:
    source_image = _reference(image_uid(mask.source, mask.source.slices.index(index)))
    source_image.PurposeOfReferenceCodeSequence = Sequence(
        [_code("121322", "DCM", "Source image for image processing operation")]
    )
    derivation = Dataset()
    derivation.DerivationCodeSequence = Sequence([_code("113076", "DCM", "Segmentation")])
    derivation.SourceImageSequence = Sequence([source_image])
    content = Dataset()
    content.DimensionIndexValues = [place]
    position = Dataset()
    position.ImagePositionPatient = [decimal(value) for value in mask.source.placement.corner_mm(index).tolist()]
    groups = Dataset()
    groups.DerivationImageSequence = Sequence([derivation])
    groups.FrameContentSequence = Sequence([content])
    groups.PlanePositionSequence = Sequence([position])
    return groups


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
