import numpy as np
import pytest
from pydicom.dataset import Dataset

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom_file import (
    DicomFile,
    direction_cosines,
    number_of,
    numbers_of,
    pixel_spacing,
    required_numbers,
)
from mgi.modalities.flair.dicom_slices import slices_of


def dataset(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def test_an_absent_and_an_empty_number_are_none() -> None:
    assert number_of(dataset(), "RescaleSlope", "x") is None
    assert number_of(dataset(RescaleSlope=""), "RescaleSlope", "x") is None
    assert number_of(dataset(RescaleSlope="2.5"), "RescaleSlope", "x") == 2.5
    assert numbers_of(dataset(PixelSpacing=[]), "PixelSpacing", 2, "x") is None


def test_a_wrong_number_of_values_is_refused() -> None:
    with pytest.raises(BadInputError, match="x: PixelSpacing"):
        required_numbers(dataset(PixelSpacing=[1.0, 2.0, 3.0]), "PixelSpacing", 2, "x")
    with pytest.raises(BadInputError, match="PixelSpacing: missing"):
        required_numbers(dataset(), "PixelSpacing", 2, "x")


def test_spacing_and_axes_are_checked() -> None:
    assert pixel_spacing(dataset(PixelSpacing=[1.0, 2.0]), "x").tolist() == [1.0, 2.0]
    axes = direction_cosines(dataset(ImageOrientationPatient=[1.001, 0, 0, 0, 1, 0]), "x")
    assert np.linalg.norm(axes, axis=1) == pytest.approx([1, 1])


def test_a_file_without_transfer_syntax_is_refused() -> None:
    with pytest.raises(BadInputError, match="TransferSyntaxUID none"):
        slices_of(DicomFile(bytes(128) + b"DICM", "x"))
