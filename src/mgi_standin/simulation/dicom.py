"""MR series as DICOM files.

A file is its elements in the order of their tags, so what a series shares is encoded once and only the few elements
that differ are encoded per image: several times faster than writing each data set whole.
"""

import struct
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, RLELossless

from mgi_standin.simulation.identifiers import uid_of
from mgi_standin.simulation.series import Series, Study

COLLECTION = "TCGA-LGG"
IMPLEMENTATION_UID = "2.25.140927437102983441927611263839209847121"
NOTE = "Simulated image; not a patient"
INSTANCE_UID_OF_FILE, INSTANCE_UID = 0x00020003, 0x00080018
INSTANCE_NUMBER, IMAGE_POSITION, SLICE_LOCATION, PIXEL_DATA = 0x00200013, 0x00200032, 0x00201041, 0x7FE00010


def encode_series(series: Series, study: Study) -> list[tuple[str, bytes]]:
    """SOPInstanceUID and bytes of each image, in the order of `series.slices`."""
    shared = _elements(series_dataset(series, study))
    syntax = RLELossless if series.run_length_encoded else ExplicitVRLittleEndian
    encoded = []
    for image in range(len(series.slices)):
        uid = image_uid(series, image)
        elements = sorted((shared | _image_elements(series, image, uid)).items())
        head = file_head(str(MRImageStorage), uid, str(syntax))
        encoded.append((uid, b"".join([head, *(data for _, data in elements)])))
    return encoded


def image_uid(series: Series, image: int) -> str:
    """SOPInstanceUID of the image at this place of `series.slices`."""
    return uid_of(series.uid, "image", str(image))


def dataset_of(start: Dataset | None = None, /, **elements: Any) -> Dataset:
    """The elements by keyword, added to those of `start` where one is given."""
    dataset = Dataset() if start is None else start
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def study_dataset(study: Study) -> Dataset:
    """Patient, study and equipment: what all series of a study share."""
    date, time = study.date.strftime("%Y%m%d"), "120000"
    vendor, model = study.vendor
    return dataset_of(
        SpecificCharacterSet="ISO_IR 100",
        PatientName=study.patient_id, PatientID=study.patient_id, PatientBirthDate="", PatientSex=study.sex,
        PatientAge=f"{study.age_years:03d}Y", PatientIdentityRemoved="YES", DeidentificationMethod=NOTE,
        StudyInstanceUID=study.uid, StudyID="", StudyDescription=study.description, AccessionNumber="",
        StudyDate=date, SeriesDate=date, ContentDate=date, StudyTime=time, SeriesTime=time, ContentTime=time,
        ReferringPhysicianName="", BodyPartExamined="BRAIN", PositionReferenceIndicator="",
        FrameOfReferenceUID=study.frame_uid,
        Manufacturer=vendor, ManufacturerModelName=model, SoftwareVersions="1",
    )  # fmt: skip


def series_dataset(series: Series, study: Study) -> Dataset:
    """Everything of an MR image but its identity, position and pixels."""
    _, rows, columns = series.placement.shape
    slice_mm, row_mm, column_mm = series.placement.spacing_mm
    dataset = dataset_of(
        study_dataset(study),
        SOPClassUID=MRImageStorage, Modality="MR", ImageType=list(series.image_type), ImageComments=NOTE,
        SeriesInstanceUID=series.uid, SeriesNumber=str(series.number), SeriesDescription=series.description,
        AcquisitionNumber="1",
        ScanningSequence=["SE", "IR"], SequenceVariant="SK", ScanOptions="", MRAcquisitionType="2D",
        RepetitionTime=decimal(series.weighting.repetition_ms), EchoTime=decimal(series.weighting.echo_ms),
        InversionTime=decimal(series.weighting.inversion_ms), EchoTrainLength="24", MagneticFieldStrength="1.5",
        PatientPosition="HFS", ImageOrientationPatient=[decimal(value) for value in series.placement.orientation()],
        PixelSpacing=[decimal(row_mm), decimal(column_mm)], SliceThickness=decimal(0.8 * slice_mm),
        SpacingBetweenSlices=decimal(slice_mm),
        SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", Rows=rows, Columns=columns,
        BitsAllocated=16, BitsStored=12, HighBit=11, PixelRepresentation=0,
    )  # fmt: skip
    if series.slope is None:
        return dataset
    return dataset_of(dataset, RescaleIntercept="0", RescaleSlope=decimal(series.slope), RescaleType="US")


def decimal(value: float) -> str:
    """A decimal string of DICOM (16 characters at most), to a nanometre; never a negative zero."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def file_head(class_uid: str, instance_uid: str, syntax: str) -> bytes:
    """Preamble and file meta information (PS3.10, 7.1)."""
    elements = _shared_meta(class_uid, syntax) | {
        INSTANCE_UID_OF_FILE: _text(INSTANCE_UID_OF_FILE, b"UI", instance_uid)
    }
    body = b"".join(data for _, data in sorted(elements.items()))
    group_length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(body))
    return b"\x00" * 128 + b"DICM" + group_length + body


@cache
def _shared_meta(class_uid: str, syntax: str) -> dict[int, bytes]:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = class_uid
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = "MGI SIMULATION"
    return _elements(meta)


def _image_elements(series: Series, image: int, uid: str) -> dict[int, bytes]:
    """What differs from image to image: identity, place and pixels."""
    index = series.slices[image]
    corner = series.placement.corner_mm(index)
    texts = (
        (INSTANCE_UID, b"UI", uid),
        (INSTANCE_NUMBER, b"IS", str(series.instance_numbers[image])),
        (IMAGE_POSITION, b"DS", "\\".join(decimal(value) for value in corner.tolist())),
        (SLICE_LOCATION, b"DS", decimal(float(corner @ series.placement.axes[0]))),
    )
    elements = {tag: _text(tag, kind, value) for tag, kind, value in texts}
    pixels = series.stored[index]
    if series.run_length_encoded:
        elements |= _elements(_run_length_encoded(pixels))
    else:
        content = pixels.astype("<u2").tobytes()
        elements[PIXEL_DATA] = struct.pack("<HH2sHI", *divmod(PIXEL_DATA, 1 << 16), b"OW", 0, len(content)) + content
    return elements


def _run_length_encoded(pixels: NDArray[np.uint16]) -> Dataset:
    rows, columns = pixels.shape
    frame = RLELosslessEncoder.encode(
        pixels, rows=rows, columns=columns, samples_per_pixel=1, bits_allocated=16, bits_stored=12,
        pixel_representation=0, photometric_interpretation="MONOCHROME2", number_of_frames=1,
    )  # fmt: skip
    element = DataElement(PIXEL_DATA, "OB", encapsulate([frame]))
    element.is_undefined_length = True
    dataset = Dataset()
    dataset.add(element)
    return dataset


def _text(tag: int, kind: bytes, value: str) -> bytes:
    """A text element in explicit VR little endian, padded to an even length as its kind asks."""
    content = value.encode("ascii")
    content += (b"\x00" if kind == b"UI" else b" ") * (len(content) % 2)
    return struct.pack("<HH2sH", *divmod(tag, 1 << 16), kind, len(content)) + content


def _elements(dataset: Dataset) -> dict[int, bytes]:
    """Tag -> the bytes of its element, explicit VR little endian."""
    encoded = {}
    for element in dataset:
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        write_data_element(buffer, element, ["iso8859"])
        encoded[int(element.tag)] = buffer.getvalue()
    return encoded
