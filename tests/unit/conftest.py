"""Makers of small files in the archives' formats, as fixtures, so that every test folder can have them."""

import io
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian

SERIES = "1.2.3.4"
SEG_SERIES = "1.2.3.9"
FRAME_OF_REFERENCE = "1.2.3.5"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def _bytes_of(dataset: Dataset, sop_class: str, syntax: str) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    dataset.file_meta = meta
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _mr_file(
    pixels: np.ndarray,
    *,
    position: Sequence[float] = (0.0, 0.0, 0.0),
    axes: Sequence[float] = AXIAL,
    spacing: Sequence[float] = (2.0, 2.0),
    instance: int | None = 1,
    syntax: str = ExplicitVRLittleEndian,
    tags: Mapping[str, Any] | None = None,
) -> bytes:
    """One MR slice; `tags` sets further elements, a value of None deletes one."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    dataset.SOPInstanceUID = f"1.2.3.4.{instance or 0}.{abs(int(position[2] * 100))}"
    dataset.SeriesInstanceUID = SERIES
    dataset.FrameOfReferenceUID = FRAME_OF_REFERENCE
    dataset.Modality = "MR"
    if instance is not None:
        dataset.InstanceNumber = instance
    dataset.ImagePositionPatient = list(position)
    dataset.ImageOrientationPatient = list(axes)
    dataset.PixelSpacing = list(spacing)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.astype(f"<{pixels.dtype.kind}2").tobytes()
    for keyword, value in (tags or {}).items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return _bytes_of(dataset, dataset.SOPClassUID, syntax)


def _seg_file(
    frames: np.ndarray,
    positions: Sequence[Sequence[float]],
    *,
    kind: str = "BINARY",
    axes: Sequence[float] = AXIAL,
    spacing: Sequence[float] = (2.0, 2.0),
    step: float | None = 5.0,
    references: Sequence[str] = (SERIES,),
    segments: Sequence[Mapping[str, Any]] = ({"label": "Glioma", "kind": ("108369006", "Neoplasm")},),
    segment_of_frame: Sequence[int] | None = None,
    tags: Mapping[str, Any] | None = None,
) -> bytes:
    """A segmentation object of frames (f, h, w), 0/1 if binary, bytes of 0..255 if fractional.

    `segments` are a label, and the codes and meanings of category and type; `segment_of_frame` is 1 where not given.
    """
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    dataset.SOPInstanceUID = "1.2.3.9.1"
    dataset.SeriesInstanceUID = SEG_SERIES
    dataset.FrameOfReferenceUID = FRAME_OF_REFERENCE
    dataset.Modality = "SEG"
    dataset.SegmentationType = kind
    dataset.NumberOfFrames = len(frames)
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelRepresentation = 0
    bits = 1 if kind == "BINARY" else 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    flat = frames.astype(np.uint8).reshape(-1)
    data = np.packbits(flat, bitorder="little").tobytes() if bits == 1 else flat.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    if kind == "FRACTIONAL":
        dataset.MaximumFractionalValue = 200
    dataset.ReferencedSeriesSequence = DicomSequence([_item(SeriesInstanceUID=uid) for uid in references])
    dataset.SegmentSequence = DicomSequence([_segment(number, **one) for number, one in enumerate(segments, start=1)])
    measures = _item(PixelSpacing=list(spacing), SliceThickness=5.0)
    if step is not None:
        measures.SpacingBetweenSlices = step
    shared = Dataset()
    shared.PixelMeasuresSequence = DicomSequence([measures])
    shared.PlaneOrientationSequence = DicomSequence([_item(ImageOrientationPatient=list(axes))])
    dataset.SharedFunctionalGroupsSequence = DicomSequence([shared])
    groups = []
    for position, number in zip(positions, segment_of_frame or [1] * len(positions), strict=True):
        group = Dataset()
        group.PlanePositionSequence = DicomSequence([_item(ImagePositionPatient=list(position))])
        group.SegmentIdentificationSequence = DicomSequence([_item(ReferencedSegmentNumber=number)])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence(groups)
    for keyword, value in (tags or {}).items():
        setattr(dataset, keyword, value)
    return _bytes_of(dataset, dataset.SOPClassUID, ExplicitVRLittleEndian)


def _segment(
    number: int,
    *,
    label: str,
    category: tuple[str, str] = ("", ""),
    kind: tuple[str, str] = ("", ""),
    algorithm: str = "AUTOMATIC",
) -> Dataset:
    item = _item(SegmentNumber=number, SegmentLabel=label, SegmentAlgorithmType=algorithm)
    for name, (code, meaning) in (("Category", category), ("Type", kind)):
        coded = _item(CodeValue=code, CodingSchemeDesignator="SCT", CodeMeaning=meaning)
        setattr(item, f"SegmentedProperty{name}CodeSequence", DicomSequence([coded]))
    return item


def _item(**values: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _zip_of(members: Mapping[str, bytes], path: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _tiff_of(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="TIFF")
    return buffer.getvalue()


def _star_text(tpm: Mapping[str, float], *, names: Mapping[str, tuple[str, str]] | None = None) -> str:
    """A STAR-Counts file; counts are the TPM rounded up."""
    header = "gene_id gene_name gene_type unstranded stranded_first stranded_second tpm_unstranded fpkm_unstranded"
    lines = ["# gene-model: GENCODE v36", "\t".join([*header.split(), "fpkm_uq_unstranded"])]
    lines += [f"{name}\t\t\t7\t8\t9\t\t\t" for name in ("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous")]
    for gene, value in tpm.items():
        name, kind = (names or {}).get(gene, (f"NAME{gene[-4:]}", "protein_coding"))
        count = int(np.ceil(value))
        lines.append(f"{gene}\t{name}\t{kind}\t{count}\t{count}\t0\t{value:.4f}\t{value / 2:.4f}\t{value / 3:.4f}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def mr_file() -> Callable[..., bytes]:
    """Bytes of one MR slice of series 1.2.3.4."""
    return _mr_file


@pytest.fixture
def seg_file() -> Callable[..., bytes]:
    """Bytes of one segmentation object of series 1.2.3.9 that refers to 1.2.3.4."""
    return _seg_file


@pytest.fixture
def zip_of() -> Callable[..., Path]:
    """Write members (name -> bytes) as a zip."""
    return _zip_of


@pytest.fixture
def tiff_of() -> Callable[[np.ndarray], bytes]:
    """Bytes of an uncompressed TIFF."""
    return _tiff_of


@pytest.fixture
def star_text() -> Callable[..., str]:
    """Text of a STAR-Counts file with the given TPM per gene."""
    return _star_text


@pytest.fixture
def real_data() -> Path:
    """The folder of real data that the environment names; the test is skipped where it names none."""
    folder = os.environ.get("MGI_SHARED_DATA")
    if not folder:
        pytest.skip("MGI_SHARED_DATA is not set")
    return Path(folder)
