"""Tumour masks as DICOM Segmentation objects (PS3.3 A.51): binary, one bit a pixel, one frame a slice."""

import io

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, SegmentationStorage

from mgi_standin.simulation.dicom import dataset_of, decimal, file_head, image_uid, study_dataset
from mgi_standin.simulation.identifiers import uid_of
from mgi_standin.simulation.series import MaskSeries, Study


def encode_mask(mask: MaskSeries, study: Study) -> tuple[str, bytes]:
    """SOPInstanceUID and bytes of the one file of a mask series."""
    uid = uid_of(mask.uid, "image", "0")
    buffer = io.BytesIO()
    dataset = _mask_dataset(mask, study, uid)
    dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True, enforce_file_format=False)
    return uid, file_head(str(SegmentationStorage), uid, str(ExplicitVRLittleEndian)) + buffer.getvalue()


def pack_frames(frames: NDArray[np.bool_]) -> bytes:
    """Frames (F, H, W) as one run of bits, the first pixel in the lowest bit, padded to an even length."""
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    return packed + b"\x00" * (len(packed) % 2)


def _mask_dataset(mask: MaskSeries, study: Study, uid: str) -> Dataset:
    _, rows, columns = mask.source.placement.shape
    dimensions = uid_of(uid, "dimensions")
    position = dataset_of(
        DimensionOrganizationUID=dimensions,
        DimensionIndexPointer=0x00200032,  # ImagePositionPatient
        FunctionalGroupPointer=0x00209113,  # PlanePositionSequence
    )
    images = [_reference(image_uid(mask.source, image)) for image in range(len(mask.source.slices))]
    dataset = dataset_of(
        study_dataset(study),
        Manufacturer="MGI SIMULATION", ManufacturerModelName="1", DeviceSerialNumber="1",
        SOPClassUID=SegmentationStorage, SOPInstanceUID=uid, Modality="SEG", ImageType=["DERIVED", "PRIMARY"],
        SeriesInstanceUID=mask.uid, SeriesNumber=str(mask.number), SeriesDescription=mask.description,
        InstanceNumber="1", ContentLabel="GLIOMA", ContentDescription="Simulated glioma segmentation",
        ContentCreatorName="mgi^simulation", SegmentationType="BINARY", LossyImageCompression="00",
        SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", NumberOfFrames=str(len(mask.slices)),
        Rows=rows, Columns=columns, BitsAllocated=1, BitsStored=1, HighBit=0, PixelRepresentation=0,
        SegmentSequence=[_segment()],
        DimensionOrganizationSequence=[dataset_of(DimensionOrganizationUID=dimensions)],
        DimensionIndexSequence=[position],
        ReferencedSeriesSequence=[dataset_of(SeriesInstanceUID=mask.source.uid, ReferencedInstanceSequence=images)],
        SharedFunctionalGroupsSequence=[_shared_groups(mask)],
        PerFrameFunctionalGroupsSequence=[_frame_groups(mask, *frame) for frame in enumerate(mask.slices, start=1)],
        PixelData=pack_frames(mask.mask[list(mask.slices)]),
    )  # fmt: skip
    dataset["PixelData"].VR = "OB"
    return dataset


def _segment() -> Dataset:
    return dataset_of(
        SegmentNumber=1,
        SegmentLabel="Glioma",
        SegmentAlgorithmType="MANUAL",
        SegmentedPropertyCategoryCodeSequence=[_code("49755003", "SCT", "Morphologically Abnormal Structure")],
        SegmentedPropertyTypeCodeSequence=[_code("108369006", "SCT", "Neoplasm")],
    )


def _reference(image: str) -> Dataset:
    return dataset_of(ReferencedSOPClassUID=MRImageStorage, ReferencedSOPInstanceUID=image)


def _shared_groups(mask: MaskSeries) -> Dataset:
    placement = mask.source.placement
    slice_mm, row_mm, column_mm = placement.spacing_mm
    measures = dataset_of(
        SliceThickness=decimal(0.8 * slice_mm),
        SpacingBetweenSlices=decimal(slice_mm),
        PixelSpacing=[decimal(row_mm), decimal(column_mm)],
    )
    return dataset_of(
        PlaneOrientationSequence=[dataset_of(ImageOrientationPatient=list(map(decimal, placement.orientation())))],
        PixelMeasuresSequence=[measures],
        SegmentIdentificationSequence=[dataset_of(ReferencedSegmentNumber=1)],
    )


def _frame_groups(mask: MaskSeries, place: int, index: int) -> Dataset:
    """What belongs to the frame at this place (from 1), of the slice with this index."""
    corner_mm = mask.source.placement.corner_mm(index).tolist()
    source_image = dataset_of(
        _reference(image_uid(mask.source, mask.source.slices.index(index))),
        PurposeOfReferenceCodeSequence=[_code("121322", "DCM", "Source image for image processing operation")],
    )
    derivation = dataset_of(
        DerivationCodeSequence=[_code("113076", "DCM", "Segmentation")], SourceImageSequence=[source_image]
    )
    return dataset_of(
        DerivationImageSequence=[derivation],
        FrameContentSequence=[dataset_of(DimensionIndexValues=[place])],
        PlanePositionSequence=[dataset_of(ImagePositionPatient=list(map(decimal, corner_mm)))],
    )


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return dataset_of(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
