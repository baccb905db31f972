import io

import numpy as np
import pydicom
import pytest
from pydicom.uid import SegmentationStorage

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.dicom import encode_series
from mgi_standin.simulation.seg import encode_mask, pack_frames
from mgi_standin.simulation.series import Study
from mgi_standin.simulation.studies import plan_studies


def plan(seed: int = 0, **held) -> Study:
    rng = np.random.default_rng(1)
    mask = np.zeros((7, 21, 21), bool)
    mask[2:5] = rng.random((3, 21, 21)) < 0.3
    patient = SimulatedPatient(
        patient_id="TCGA-DU-Z001",
        site="DU",
        subtype="IDHwt",
        factors={},
        expressed={},
        log_expression=np.zeros(3),
        volume=np.ones((7, 21, 21), np.float32),
        mask=mask,
        spacing_mm=(6.0, 9.0, 9.0),
    )
    return plan_studies(patient, Availability(**held), "key", np.random.default_rng(seed))[0]


def read(study: Study) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(encode_mask(study.mask, study)[1]))


@pytest.mark.parametrize("held", [{}, {"mask_on_t1_grid": True}, {"tilted": True, "instance_order": "down"}])
def test_frames_unpack_to_the_mask_at_the_positions_they_name(held):
    study = plan(**held)
    image = read(study)
    placement = study.mask.source.placement
    corners = np.array([placement.corner_mm(index) for index in range(placement.shape[0])])
    found = np.zeros(placement.shape, bool)
    for frame, groups in zip(image.pixel_array, image.PerFrameFunctionalGroupsSequence, strict=True):
        position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        distance = np.linalg.norm(corners - position, axis=1)
        assert distance.min() < 1e-3
        found[distance.argmin()] = frame
    np.testing.assert_array_equal(found, study.mask.mask)


def test_bits_are_packed_lowest_first_and_padded_to_an_even_length():
    frames = np.zeros((1, 3, 3), bool)
    frames[0, 0, 0] = frames[0, 2, 2] = True
    assert pack_frames(frames) == b"\x01\x01"
    assert pack_frames(np.ones((1, 2, 4), bool)) == b"\xff\x00"


def test_a_mask_leaves_out_slices_without_tumour_or_keeps_a_few():
    counts = {int(read(plan(seed)).NumberOfFrames) for seed in range(12)}
    assert counts == {3, 5}


def test_a_mask_names_its_source_series_and_every_frame_its_source_image():
    study = plan(mask_on_t1_grid=True)
    image = read(study)
    source = study.mask.source
    written = {uid: pydicom.dcmread(io.BytesIO(content)) for uid, content in encode_series(source, study)}
    assert image.ReferencedSeriesSequence[0].SeriesInstanceUID == source.uid
    for groups in image.PerFrameFunctionalGroupsSequence:
        reference = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        position = groups.PlanePositionSequence[0].ImagePositionPatient
        assert written[reference].ImagePositionPatient == position


def test_a_mask_is_a_valid_segmentation_in_the_frame_of_its_study():
    study = plan()
    image = read(study)
    assert image.SOPClassUID == SegmentationStorage == image.file_meta.MediaStorageSOPClassUID
    assert (image.Modality, image.SegmentationType, image.BitsAllocated) == ("SEG", "BINARY", 1)
    assert image.FrameOfReferenceUID == study.frame_uid
    assert image.StudyInstanceUID == study.uid
    shared = image.SharedFunctionalGroupsSequence[0]
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [9, 9]
    assert shared.PixelMeasuresSequence[0].SpacingBetweenSlices == 6
    assert image.SegmentSequence[0].SegmentLabel == "Glioma"


def test_a_mask_is_written_alike_by_a_plain_writer():
    study = plan()
    content = encode_mask(study.mask, study)[1]
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, pydicom.dcmread(io.BytesIO(content)), enforce_file_format=True)
    assert buffer.getvalue() == content
