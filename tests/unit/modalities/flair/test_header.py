import io
from collections.abc import Callable

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from mgi.modalities.flair.header import KEYWORDS, header_of, text_of

PIXELS = np.zeros((3, 4), np.uint16)


@pytest.mark.parametrize("options", [{}, {"syntax": ImplicitVRLittleEndian}])
def test_every_element_says_what_pydicom_says(options: dict[str, str], mr_file: Callable[..., bytes]) -> None:
    tags = {"ScanningSequence": ["SE", "IR"], "EchoTime": 120.5, "RescaleSlope": "1e-2", "AcquisitionNumber": 3}
    dataset = pydicom.dcmread(io.BytesIO(mr_file(PIXELS, tags=tags, **options)))
    header = header_of(dataset)
    assert sorted(header) == sorted(keyword for keyword in KEYWORDS if keyword in dataset)
    for keyword, value in header.items():
        expected = dataset[keyword].value
        if isinstance(value, list):
            assert value == list(expected), keyword
        else:
            assert value == expected, keyword


def test_an_empty_element_is_none_and_an_absent_one_is_not_there(mr_file: Callable[..., bytes]) -> None:
    header = header_of(
        pydicom.dcmread(io.BytesIO(mr_file(PIXELS, tags={"RescaleSlope": "", "FrameOfReferenceUID": ""})))
    )
    assert header["RescaleSlope"] is None
    assert (text_of(header, "FrameOfReferenceUID"), text_of(header, "SliceThickness")) == ("", "")
    assert "SliceThickness" not in header


def test_padding_of_text_is_cut_off(mr_file: Callable[..., bytes]) -> None:
    header = header_of(pydicom.dcmread(io.BytesIO(mr_file(PIXELS, tags={"ScanningSequence": "SE", "EchoTime": "9 "}))))
    assert (text_of(header, "SeriesInstanceUID"), header["EchoTime"]) == ("1.2.3.4", 9.0)
