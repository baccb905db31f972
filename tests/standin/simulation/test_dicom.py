import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.dicom import decimal, encode_series, image_uid
from mgi_standin.simulation.series import Series, Study
from mgi_standin.simulation.studies import plan_studies


def patient() -> SimulatedPatient:
    rng = np.random.default_rng(0)
    mask = np.zeros((6, 18, 18), bool)
    mask[2:4, 5:9, 5:9] = True
    return SimulatedPatient(
        patient_id="TCGA-DU-Z001",
        site="DU",
        subtype="IDHwt",
        factors={},
        expressed={},
        log_expression=np.zeros(3),
        volume=rng.uniform(0, 900, (6, 18, 18)).astype(np.float32),
        mask=mask,
        spacing_mm=(6.0, 2.5, 2.25),
    )


def read_flair(seed: int = 0, **held) -> tuple[Series, Study, list[pydicom.Dataset]]:
    study = plan_studies(patient(), Availability(**held), "key", np.random.default_rng(seed))[0]
    encoded = encode_series(study.series[0], study)
    return study.series[0], study, [pydicom.dcmread(io.BytesIO(content)) for _, content in encoded]


@pytest.mark.parametrize("run_length_encoded", [False, True])
@pytest.mark.parametrize("rescale_tags", [False, True])
@pytest.mark.parametrize("order", ["up", "down", "shuffled"])
def test_a_series_reloads_to_the_volume_by_position(run_length_encoded, rescale_tags, order):
    series, _, images = read_flair(
        run_length_encoded=run_length_encoded, rescale_tags=rescale_tags, instance_order=order, tilted=True
    )
    normal = np.cross(images[0].ImageOrientationPatient[:3], images[0].ImageOrientationPatient[3:])
    images.sort(key=lambda image: float(normal @ np.array(image.ImagePositionPatient, float)))
    volume = np.stack([apply_modality_lut(image.pixel_array, image) for image in images])
    assert np.abs(volume - patient().volume).max() <= (series.slope or 1.0) / 2 + 1e-3
    heights = [float(normal @ np.array(image.ImagePositionPatient, float)) for image in images]
    np.testing.assert_allclose(np.diff(heights), 6.0, atol=1e-4)
    assert images[0].file_meta.TransferSyntaxUID.is_compressed == run_length_encoded


def test_a_plain_writer_makes_the_same_bytes():
    series, study, images = read_flair()
    for (uid, content), image in zip(encode_series(series, study), images, strict=True):
        assert uid == image.SOPInstanceUID == image.file_meta.MediaStorageSOPInstanceUID
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, image, enforce_file_format=True)
        assert buffer.getvalue() == content


def test_the_tags_are_those_of_a_flair_without_identity():
    series, study, images = read_flair(run_length_encoded=True)
    image = images[0]
    assert image.SOPInstanceUID == image_uid(series, 0)
    assert image.PatientID == "TCGA-DU-Z001"
    assert image.PatientIdentityRemoved == "YES"
    assert image.Modality == "MR"
    assert list(image.ScanningSequence) == ["SE", "IR"]
    assert 2200 <= image.InversionTime <= 2500
    assert 90 <= image.EchoTime <= 140
    assert image.RepetitionTime == 9000
    assert (image.BitsAllocated, image.BitsStored, image.HighBit) == (16, 12, 11)
    assert [float(value) for value in image.PixelSpacing] == [2.5, 2.25]
    assert image.SpacingBetweenSlices == 6.0
    assert image.StudyDate == study.date.strftime("%Y%m%d")
    assert image.FrameOfReferenceUID == study.frame_uid
    assert "imulated" in image.ImageComments


def test_rescale_tags_are_absent_where_they_should_be():
    assert "RescaleSlope" not in read_flair(rescale_tags=False)[2][0]
    assert "RescaleSlope" in read_flair()[2][0]


def test_a_duplicated_slice_has_an_equal_position_and_its_own_identity():
    _, _, images = read_flair(duplicated_slice=True)
    positions = [tuple(image.ImagePositionPatient) for image in images]
    assert len(images) == 7
    assert len(set(positions)) == 6
    assert len({image.SOPInstanceUID for image in images}) == 7


def test_an_odd_number_of_bytes_cannot_arise_and_lengths_match():
    series, study, _ = read_flair()
    odd = replace(series, stored=series.stored[:, :17, :17], placement=replace(series.placement, shape=(6, 17, 17)))
    image = pydicom.dcmread(io.BytesIO(encode_series(odd, study)[0][1]))
    np.testing.assert_array_equal(image.pixel_array, odd.stored[0])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (-1e-9, "0"), (2.5, "2.5"), (-123.4567891, "-123.456789"), (100.0, "100")],
)
def test_decimals_are_short_and_plain(value: float, text: str):
    assert decimal(value) == text
